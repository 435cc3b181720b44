// Package e2e has only tests: they run the v6probe binary on real interfaces, with the real radvd, in network namespaces.
package e2e
