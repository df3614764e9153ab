// Package desk is the page in front of the cashier: it shows what the till says and hands back what the
// cashier does.
//
// What will bite: the page is served to this machine only. [Listen] refuses any other address, and every
// request must name this machine and our port in Host (and in Origin, where a browser sends one), or a
// page from the internet could press the till's keys through the cashier's own browser. There are no
// cookies and nothing is kept here: a page that reloads gets the whole view again, and a page too slow
// to draw every view gets the latest one. Commands of one page run one after another, save those that
// must get through while the register works (resume, retry, settle, dismiss).
package desk
