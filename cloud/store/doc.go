// Package store is head office's memory: every record that a till has handed in, and what follows from
// it (sales, points, leases, shifts, flags), in one SQL database.
//
// It runs on embedded SQLite (a folder) and on PostgreSQL (a URL) with one set of statements, written
// with ? for arguments and the types INTEGER, BLOB and TEXT; the small differences live in dialect.go.
//
// What will bite: a record is stored, projected and put before the other tills in one transaction, so
// nothing may be written "later"; balances are sums of signed postings, so that the order in which
// tills' records arrive cannot change them; a doubt becomes a flag, never a refusal; and versions of the
// feed are drawn inside the transaction, so that a reader can never step over a change that commits later.
//
// # Of the whole programme
//
// Customers. A customer is a set of accounts: a merged number points at its main one (never at a merged one).
// [Store.Standing] answers for all of them and for every purse; a lot and a lease name their own account, and a
// posting must name the lot's. [Store.Debts] says on which account a debt stands. [Store.MergeCustomers] and
// [Store.SplitCustomer] journal KindMerge and KindSplit; [Store.MergeDoubles] merges enrolments that share a
// phone or card. [Store.SetCustomerState], [Store.EraseCustomer], [Store.SetBirthday], [Store.SetSegments],
// [Store.SetProgress] and [Store.SetConsent] change a customer; [Store.CustomerExtra] reads what pages show.
// Posting KindTier sets the tier. Columns of `customers` for rewards: enrolled, enrol (record), enrol_till,
// enrol_staff, friend (referral code as typed), came_campaign, came_key, birthday, merged_into. `bought` counts
// receipts and money per account (add those of merged numbers), `partners` is there for the partners' file.
//
// Inbox. [Store.Conflicts], [Store.ConflictCounts], [Store.ResolveConflict]; kinds are the Flag… constants.
//
// Codes and certificates. [Store.MakeCodes], [Store.Codes], [Store.CampaignCodes], [Store.RevokeCode],
// [Store.WithdrawCampaign]; [Store.IssueCertificates], [Store.Certificates], [Store.CertificateBatches]; a
// certificate is blocked by [Store.SetCustomerState].
//
// Returns. [Store.PendingReturns] pairs returns made by fiscal QR with their sales; posting KindSettle closes
// one. [Store.ReturnsOf] are a sale's booked returns, [Store.FindReceipt] answers a till.
//
// Figures. [Store.PromotionCosts], [Store.EmployeeBalance]; [Store.SweepStandings] tells tills of cashiers'
// days that changed within the last minute.
package store
