package frame

// Kind is checkType for tag 1054 (1 sale, 2 its return, 3 expense, 4 its return) of a receipt or a
// correction. The two halves are ordered differently.
func Kind(tag1054 uint8, correction bool) (int64, bool) {
	i := 0
	if correction {
		i = 1
	}
	if tag1054 < 1 || tag1054 > 4 {
		return 0, false
	}
	return kinds[i][tag1054-1], true
}

var kinds = [2][4]int64{{0, 1, 2, 3}, {4, 6, 5, 7}}

// KindOf is the way back.
func KindOf(kind int64) (tag1054 uint8, correction, ok bool) {
	for i, half := range kinds {
		for j, k := range half {
			if k == kind {
				return uint8(j + 1), i == 1, true
			}
		}
	}
	return 0, false, false
}

// TaxSystem is taxSystem for a bit of tag 1055: the number of the bit.
func TaxSystem(bit uint8) (int64, bool) {
	for i := range int64(6) {
		if bit == 1<<i {
			return i, true
		}
	}
	return 0, false
}
