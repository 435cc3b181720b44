package dropzone

import "slices"

// Cases returns all cases. Their names are unique.
func Cases() []Case {
	return slices.Concat(bridgeCases(), filterCases(), hostCases(), linkCases(), routeCases(), vxlanCases(), noDropCases())
}
