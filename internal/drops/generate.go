package drops

//go:generate go tool bpf2go -go-package drops -cc clang -target bpfel -tags linux -type key -type value drops ../../bpf/drops.bpf.c -- -O2 -mcpu=v3 -Wall -Wextra -Werror
