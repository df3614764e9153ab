package web

import "github.com/kopilka/kopilka/cloud/web/page"

// RouteInfo is a route as a test sees it.
type RouteInfo struct {
	Pattern string
	Least   page.Role
}

// Routes lists every address of the pages.
func Routes() []RouteInfo {
	var out []RouteInfo
	for _, r := range new(site).routes() {
		out = append(out, RouteInfo{r.pattern, page.Role(r.least)})
	}
	return out
}

// ConditionBits are the register's conditions that have words.
func ConditionBits() []uint16 {
	var out []uint16
	for _, c := range conditions {
		out = append(out, c.bit)
	}
	return out
}

// CSVSafe is the guard against formulas.
var CSVSafe = csvSafe
