package drops
