package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/kopilka/kopilka/ledger/sale"
)

// shop is a store as head office's seed file writes it.
type shop struct {
	No      sale.StoreNo `json:"no"`
	Name    string       `json:"name"`
	Address string       `json:"address"`
	Zone    string       `json:"zone"`
	Region  string       `json:"region,omitempty"`
}

var shops = []shop{
	{1, "Копилка на Лесной", "Москва, ул. Лесная, 12", "Europe/Moscow", "Москва"},
	{2, "Копилка на Малышева", "Екатеринбург, ул. Малышева, 51", "Asia/Yekaterinburg", "Урал"},
}

// member is a member of staff as the seed file writes it.
type member struct {
	No    sale.StaffNo `json:"no"`
	Name  string       `json:"name"`
	INN   string       `json:"inn,omitempty"`
	Role  string       `json:"role"`
	PIN   string       `json:"pin"`
	Store sale.StoreNo `json:"store,omitempty"`
}

const (
	roleCashier = "cashier"
	roleManager = "manager"
)

// The first cashier and the first manager of each store are the ones that the launcher names.
var staff = []member{
	{No: 1, Name: "Соколова Ирина Павловна", Role: roleCashier, PIN: "1111", Store: 1},
	{No: 2, Name: "Гусев Олег Игоревич", Role: roleCashier, PIN: "2222", Store: 1},
	{No: 3, Name: "Белова Нина Андреевна", Role: roleCashier, PIN: "3333", Store: 1},
	{No: 4, Name: "Титов Максим Сергеевич", Role: roleManager, PIN: "9001", Store: 1},
	{No: 5, Name: "Юсупова Алия Рашидовна", Role: roleCashier, PIN: "5555", Store: 2},
	{No: 6, Name: "Комаров Денис Юрьевич", Role: roleCashier, PIN: "6666", Store: 2},
	{No: 7, Name: "Зотова Елена Викторовна", Role: roleManager, PIN: "9002", Store: 2},
	{No: 8, Name: "Руднев Пётр Алексеевич", Role: roleManager, PIN: "9009"},
}

// who finds the first member of staff with a role in a store.
func who(store sale.StoreNo, role string) member {
	for _, m := range staff {
		if m.Store == store && m.Role == role {
			return m
		}
	}
	return member{}
}

// customer is a customer as the seed file writes one.
type customer struct {
	Name    string       `json:"name"`
	Phone   string       `json:"phone,omitempty"`
	Cards   []string     `json:"cards,omitempty"`
	Tier    uint16       `json:"tier,omitempty"`
	Home    sale.StoreNo `json:"home,omitempty"`
	Balance string       `json:"balance,omitempty"`

	Staff    sale.StaffNo `json:"staff,omitempty"`
	Birthday string       `json:"birthday,omitempty"`
}

const (
	customersMade = 500
	// customersSeed makes the same people on every machine.
	customersSeed = 54
	// cardPrefix begins the cards; GS1 leaves 20 to 29 to the retailer, and the scales have 21.
	cardPrefix = "27"
	cardFirst  = 40_000_017
	cardStep   = 131
	phoneFirst = 9_000_013_507
	phoneStep  = 17_389
)

var tiers = []string{"Базовый", "Серебряный", "Золотой"}

// Names are surname, first name and patronymic, women's and men's.
var (
	womenSurnames = []string{"Иванова", "Петрова", "Смирнова", "Кузнецова", "Васильева", "Попова", "Новикова", "Морозова", "Волкова", "Лебедева", "Козлова", "Егорова", "Павлова", "Никитина", "Орлова", "Макарова", "Захарова", "Мельникова", "Щербакова", "Хасанова"}
	womenNames    = []string{"Анна", "Мария", "Елена", "Ольга", "Наталья", "Татьяна", "Светлана", "Екатерина", "Юлия", "Дарья", "Вера", "Галина", "Людмила", "Полина", "Гульнара"}
	womenFathers  = []string{"Сергеевна", "Ивановна", "Александровна", "Николаевна", "Владимировна", "Петровна", "Андреевна", "Маратовна"}
	menSurnames   = []string{"Иванов", "Фёдоров", "Соловьёв", "Богданов", "Воробьёв", "Сидоров", "Миронов", "Калинин", "Абрамов", "Ефимов", "Дроздов", "Шестаков", "Галиев"}
	menNames      = []string{"Александр", "Дмитрий", "Сергей", "Андрей", "Алексей", "Михаил", "Иван", "Николай", "Артём", "Рустам", "Виктор"}
	menFathers    = []string{"Сергеевич", "Иванович", "Александрович", "Николаевич", "Олегович", "Юрьевич", "Маратович"}
)

// customers are made from one seed, so that a card printed from yesterday's demo works today.
func customers() []customer {
	r := rand.New(rand.NewPCG(customersSeed, customersMade)) //nolint:gosec // a cast of people, no secret
	all := make([]customer, customersMade)
	for i := range all {
		tier := tierOf(i)
		all[i] = customer{
			Name: personName(r), Phone: "+7" + strconv.Itoa(phoneFirst+phoneStep*i), Cards: []string{cardNo(i)},
			Tier: tier, Home: shops[i%len(shops)].No, Balance: balance(r, tier),
			Birthday: fmt.Sprintf("%02d-%02d", 1+i%monthsOfYear, 1+i*birthdayStep%daysOfAnyMonth),
		}
	}
	for i, m := range staff[:staffCards] { // who sells here buys here too
		c := &all[customersMade-staffCards+i]
		c.Name, c.Staff, c.Home = m.Name, m.No, m.Store
	}
	return all
}

// Birthdays are spread over the year, each day found in every month.
const (
	monthsOfYear   = 12
	daysOfAnyMonth = 28
	birthdayStep   = 11
	// staffCards is how many members of staff have a card of their own.
	staffCards = 3
)

// tierOf gives one customer in ten gold and three silver.
func tierOf(i int) uint16 {
	switch i % 10 {
	case 0:
		return 2
	case 3, 5, 8:
		return 1
	}
	return 0
}

func personName(r *rand.Rand) string {
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	if r.IntN(3) > 0 { // two of three who take a card out are women
		return pick(womenSurnames) + " " + pick(womenNames) + " " + pick(womenFathers)
	}
	return pick(menSurnames) + " " + pick(menNames) + " " + pick(menFathers)
}

// balance is what somebody of a tier may have saved up; one in eight has a new card with nothing on it.
func balance(r *rand.Rand, tier uint16) string {
	const perTier, quarters = 600, 4
	if r.IntN(8) == 0 && tier == 0 {
		return ""
	}
	p := sale.Points(60+r.IntN(perTier*(int(tier)+1)))*sale.Point + sale.Points(r.IntN(quarters))*sale.Point/quarters
	return p.String()
}

func cardNo(i int) string {
	digits := fmt.Sprintf("%s%010d", cardPrefix, cardFirst+cardStep*i)
	return digits + string(sale.GTINCheckDigit(digits))
}
