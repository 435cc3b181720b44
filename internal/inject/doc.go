// Package inject puts frames into an interface as if they came in there: what the machine behind a tap would send. It is for
// testing on purpose whether a filter stops them.
package inject
