// Package ffd is the formats of fiscal data (ФФД 1.05 and 1.2): numbers of tags and tagged values. Every register speaks of them, whatever its protocol.
//
// What will bite: strings are cp866, whatever the register's commands use; the code of a rate in tag 1199 is
// sale.VAT, and none of the codes that registers use for it in their commands. Source: FNS order ЕД-7-20/662@ with later changes; rates 5, 7 and 22 %: order
// ЕД-7-20/1050@ of 08.12.2025.
package ffd

// Tags of documents and positions.
const (
	TagContact        uint16 = 1008 // phone or e-mail of the buyer
	TagPlaceAddress   uint16 = 1009
	TagTime           uint16 = 1012
	TagTotal          uint16 = 1020
	TagCashier        uint16 = 1021
	TagQty            uint16 = 1023
	TagName           uint16 = 1030
	TagCash           uint16 = 1031
	TagShift          uint16 = 1038
	TagFD             uint16 = 1040
	TagFN             uint16 = 1041
	TagReceipt        uint16 = 1042
	TagSum            uint16 = 1043
	TagSign           uint16 = 1054 // of the settlement: income, its return, expense, its return
	TagTaxSystem      uint16 = 1055
	TagPosition       uint16 = 1059
	TagFiscalSign     uint16 = 1077 // FPD
	TagPrice          uint16 = 1079
	TagCashless       uint16 = 1081
	TagUserRequisite  uint16 = 1084 // structure of the next two
	TagUserName       uint16 = 1085
	TagUserValue      uint16 = 1086
	TagMarkCode       uint16 = 1162 // FFD 1.05
	TagMark           uint16 = 1163 // FFD 1.2
	TagCorrectionKind uint16 = 1173 // 0 by oneself, 1 at the tax office's order
	TagBasis          uint16 = 1174 // structure of the next two
	TagBasisText      uint16 = 1177 // FFD 1.05
	TagBasisDay       uint16 = 1178
	TagBasisNumber    uint16 = 1179
	TagExtra          uint16 = 1192 // extra requisite of a receipt
	TagRate           uint16 = 1199
	TagRateSum        uint16 = 1200
	TagCashierINN     uint16 = 1203
	TagSubject        uint16 = 1212
	TagMethod         uint16 = 1214
	TagAdvance        uint16 = 1215
	TagCredit         uint16 = 1216
	TagCounter        uint16 = 1217
	TagBuyer          uint16 = 1227
	TagBuyerINN       uint16 = 1228
	TagIndustry       uint16 = 1260 // of a position: structure of the next four
	TagIndustryOffice uint16 = 1262
	TagIndustryDay    uint16 = 1263
	TagIndustryNumber uint16 = 1264
	TagIndustryValue  uint16 = 1265
	TagPlanned        uint16 = 2003 // planned status of a marked piece
	TagMarkVerdict    uint16 = 2106
	TagUnit           uint16 = 2108
)

// Sizes of tags, in bytes of cp866.
const (
	ContactBytes    = 64
	CashierBytes    = 64
	CashierINNBytes = 12
	NameBytes       = 128
	UserNameBytes   = 64
	UserValueBytes  = 256
	ExtraBytes      = 16
	IndustryBytes   = 256
)

// MethodFull is tag 1214: paid in full when handed over.
const MethodFull = 4

// The planned states of a marked piece, tag 2003.
const (
	PlannedSold             = 1
	PlannedSoldMeasured     = 2
	PlannedReturned         = 3
	PlannedReturnedMeasured = 4
	PlannedUnchanged        = 255
)

// Permissive mode: what tag 1260 names (Decree 1944 of 21.11.2023).
const (
	PermitOffice = "030"
	PermitDay    = "21.11.2023"
	PermitNumber = "1944"
)

// KeyName is tag 1085 of the short key that names a sale of ours in tag 1086.
const KeyName = "KOPILKA"
