package gs1

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// predefined are the first two digits of identifiers whose elements have a length fixed for ever, the
// identifier included: they need no separator (GS1 General Specifications, figure 7.8.5-2). Every other
// element ends at a separator, also where its own format has one length only.
var predefined = map[string]int{
	"00": 20, "01": 16, "02": 16, "03": 16, "04": 18,
	"11": 8, "12": 8, "13": 8, "14": 8, "15": 8, "16": 8, "17": 8, "18": 8, "19": 8,
	"20": 4, "31": 10, "32": 10, "33": 10, "34": 10, "35": 10, "36": 10, "41": 16,
}

// table has a line for each run of identifiers: the first, the last where it is another, and the format.
// n are digits, x the 82 characters of ISO/IEC 646, y the 39 of file safe names, z base 64 of URLs, d a day
// YYMMDD; a number is the length, "..20" is 1 to 20, "0..17" may be empty; c: the last digit is a check digit.
const table = `
00 n18c
01-03 n14c
10 x..20
11-13 d6
15-17 d6
20 n2
21-22 x..20
235 x..28
240-241 x..30
242 n..6
243 x..20
250-251 x..30
253 n13c x0..17
254 x..20
255 n13c n0..12
30 n..8
3100-3105 n6
3110-3115 n6
3120-3125 n6
3130-3135 n6
3140-3145 n6
3150-3155 n6
3160-3165 n6
3200-3205 n6
3210-3215 n6
3220-3225 n6
3230-3235 n6
3240-3245 n6
3250-3255 n6
3260-3265 n6
3270-3275 n6
3280-3285 n6
3290-3295 n6
3300-3305 n6
3310-3315 n6
3320-3325 n6
3330-3335 n6
3340-3345 n6
3350-3355 n6
3360-3365 n6
3370-3375 n6
3400-3405 n6
3410-3415 n6
3420-3425 n6
3430-3435 n6
3440-3445 n6
3450-3455 n6
3460-3465 n6
3470-3475 n6
3480-3485 n6
3490-3495 n6
3500-3505 n6
3510-3515 n6
3520-3525 n6
3530-3535 n6
3540-3545 n6
3550-3555 n6
3560-3565 n6
3570-3575 n6
3600-3605 n6
3610-3615 n6
3620-3625 n6
3630-3635 n6
3640-3645 n6
3650-3655 n6
3660-3665 n6
3670-3675 n6
3680-3685 n6
3690-3695 n6
37 n..8
3900-3909 n..15
3910-3919 n3 n..15
3920-3929 n..15
3930-3939 n3 n..15
3940-3943 n4
3950-3955 n6
400-401 x..30
402 n17c
403 x..30
410-417 n13c
420 x..20
421 n3 x..9
422 n3
423 n3 n0..12
424 n3
425 n3 n0..12
426 n3
427 x..3
4300-4301 x..35
4302-4303 x..70
4304-4306 x..70
4307 x2
4308 x..30
4309 n20
4310-4311 x..35
4312-4316 x..70
4317 x2
4318 x..20
4319 x..30
4320 x..35
4321-4323 n1
4324-4325 n10
4326 d6
4330-4333 n6 x0..1
7001 n13
7002 x..30
7003 n10
7004 n..4
7005 x..12
7006 d6
7007 d6 n0..6
7008 x..3
7009 x..10
7010 x..2
7011 d6 n0..4
7020-7022 x..20
7023 x..30
7030-7039 n3 x..27
7040 n1 x3
710-716 x..20
7230-7239 x2 x..28
7240 x..20
7241 n2
7242 x..25
7250 n8
7251 n12
7252 n1
7253-7254 x..40
7255 x..10
7256 x..90
7257 x..70
7258 n1 x1 n1
7259 x..40
8001 n14
8002 x..20
8003 n14c x0..16
8004 x..30
8005 n6
8006 n14c n4
8007 x..34
8008 n8 n0..4
8009 x..50
8010 y..30
8011 n..12
8012 x..20
8013 x..25
8017-8018 n18c
8019 n..10
8020 x..25
8026 n14c n4
8030 z..90
8110 x..70
8111 n4
8112 x..70
8200 x..70
90 x..30
91-99 x..90
`

// part is a run of one value's characters.
type part struct {
	kind     byte // n, x, y, z or d
	min, max int
	checked  bool // its last digit is a check digit
}

// formats is the table by identifier.
var formats = sync.OnceValue(func() map[string][]part {
	all := map[string][]part{}
	for _, line := range strings.Split(strings.TrimSpace(table), "\n") {
		fields := strings.Fields(line)
		parts := make([]part, 0, len(fields)-1)
		for _, f := range fields[1:] {
			parts = append(parts, parsePart(f))
		}
		first, last, ranged := strings.Cut(fields[0], "-")
		if !ranged {
			last = first
		}
		for n := number(first); n <= number(last); n++ {
			all[fmt.Sprintf("%0*d", len(first), n)] = parts
		}
	}
	return all
})

func parsePart(s string) part {
	p := part{kind: s[0], checked: strings.HasSuffix(s, "c")}
	low, high, ranged := strings.Cut(strings.TrimSuffix(s[1:], "c"), "..")
	switch {
	case !ranged:
		p.min, p.max = number(low), number(low)
	case low == "":
		p.min, p.max = 1, number(high)
	default:
		p.min, p.max = number(low), number(high)
	}
	return p
}

// number reads a number of the table above; a slip there is 0, which the tests of the table see.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
