// Package suggest finds the word a user probably meant. It knows edit
// distances and nothing of what the words are for: options, levels, commands.
package suggest

import "strings"

// Nearest returns the word of words that is closest to typed, or "" when none
// is close enough to be worth suggesting: at most a third of its letters
// wrong, two swapped neighbours counting as one mistake. If there is none it is
// the first word that typed, of three letters at least, begins. Case does not
// matter; of equally close words the first wins.
func Nearest(typed string, words []string) string {
	best, bestDistance := "", len(typed)/3+1
	if bestDistance > 4 {
		bestDistance = 4
	}
	typed = strings.ToLower(typed)
	for _, word := range words {
		if d := distance(typed, strings.ToLower(word)); d < bestDistance+1 && d < len(word) {
			if best == "" || d < bestDistance {
				best, bestDistance = word, d
			}
		}
	}
	if best == "" && len(typed) >= 3 {
		for _, word := range words {
			if strings.HasPrefix(strings.ToLower(word), typed) {
				return word
			}
		}
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours, each at a cost of one.
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
