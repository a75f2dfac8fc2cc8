import type { Address } from "@/server/core/schema";
import type { AccountState, PartnerState } from "@/server/domain/partners/states";

/* The acquirer's Partners of the demo: invented, each with its own country, trade and size. */

export type DemoProduct = { name: string; price: number; weight?: number };
export type DemoPartner = {
  name: string;
  reference: string;
  country: string;
  currency: string;
  /** Zone of its stores, for the rhythm of the day. */
  timeZone: string;
  taxRate: number;
  state: PartnerState;
  /** Klarna's state of the test and the live account; null without an account. */
  accounts: { test: AccountState | null; live: AccountState | null };
  /** Tail of the account ids at Klarna. */
  accountTail: string;
  onboardedDaysAgo: number;
  legalName: string;
  registrationNumber: string;
  brand: { name: string; website: string };
  /** Payments on an average day. */
  perDay: number;
  /** No payments in these last days: it was suspended. */
  silentDays?: number;
  referencePrefix: string;
  /** Street, postal code, city, region. */
  places: readonly (readonly [string, string, string, string?])[];
  products: readonly DemoProduct[];
};

export const DEMO_PARTNERS: readonly DemoPartner[] = [
  {
    name: "Lindqvist Interiör",
    reference: "lindqvist-interior",
    country: "SE",
    currency: "SEK",
    timeZone: "Europe/Stockholm",
    taxRate: 2500,
    state: "OPERATIONAL",
    accounts: { test: "OPERATIONAL", live: "OPERATIONAL" },
    accountTail: "LQ7RSLGH2RL",
    onboardedDaysAgo: 412,
    legalName: "Lindqvist Interiör AB",
    registrationNumber: "556677-8899",
    brand: { name: "Lindqvist", website: "https://www.lindqvist-interior.example" },
    perDay: 17,
    referencePrefix: "LQ",
    places: [
      ["Drottninggatan 53", "11121", "Stockholm"],
      ["Götgatan 22", "11846", "Stockholm"],
      ["Kungsgatan 41", "41115", "Göteborg"],
      ["Södra Förstadsgatan 18", "21143", "Malmö"],
      ["Svartbäcksgatan 7", "75320", "Uppsala"],
      ["Storgatan 34", "58223", "Linköping"],
      ["Drottninggatan 12", "25221", "Helsingborg"],
      ["Rådhusesplanaden 10", "90328", "Umeå"],
    ],
    products: [
      { name: "Oak side table", price: 1895 },
      { name: "Linen cushion 50×50", price: 349, weight: 4 },
      { name: "Wool throw", price: 799, weight: 3 },
      { name: "Table lamp Måne", price: 1249, weight: 2 },
      { name: "Stoneware bowl", price: 229, weight: 4 },
      { name: "Armchair Vik", price: 6495 },
      { name: "Rug 170×240", price: 3995 },
      { name: "Scented candle", price: 179, weight: 4 },
    ],
  },
  {
    name: "Fjordgear",
    reference: "fjordgear",
    country: "NO",
    currency: "NOK",
    timeZone: "Europe/Oslo",
    taxRate: 2500,
    state: "OPERATIONAL",
    accounts: { test: "OPERATIONAL", live: "OPERATIONAL" },
    accountTail: "FJ2PT4QXWNM",
    onboardedDaysAgo: 371,
    legalName: "Fjordgear AS",
    registrationNumber: "987 654 325",
    brand: { name: "Fjordgear", website: "https://www.fjordgear.example" },
    perDay: 8,
    referencePrefix: "FG",
    places: [
      ["Karl Johans gate 14", "0154", "Oslo"],
      ["Torgallmenningen 6", "5014", "Bergen"],
      ["Nordre gate 11", "7011", "Trondheim"],
      ["Storgata 73", "9008", "Tromsø"],
      ["Kirkegata 9", "4006", "Stavanger"],
    ],
    products: [
      { name: "Shell jacket", price: 3499 },
      { name: "Merino base layer", price: 899, weight: 4 },
      { name: "Hiking boots", price: 2199, weight: 2 },
      { name: "Daypack 28 l", price: 1299, weight: 2 },
      { name: "Headlamp", price: 549, weight: 3 },
      { name: "Tent, two persons", price: 4799 },
    ],
  },
  {
    name: "Kaufmann Elektronik",
    reference: "kaufmann-elektronik",
    country: "DE",
    currency: "EUR",
    timeZone: "Europe/Berlin",
    taxRate: 1900,
    state: "OPERATIONAL",
    accounts: { test: "OPERATIONAL", live: "PARTIALLY_OPERATIONAL" },
    accountTail: "KF5MZ8VDTCA",
    onboardedDaysAgo: 325,
    legalName: "Kaufmann Elektronik GmbH",
    registrationNumber: "HRB 184201",
    brand: { name: "Kaufmann", website: "https://www.kaufmann-elektronik.example" },
    perDay: 9,
    referencePrefix: "KE",
    places: [
      ["Torstraße 112", "10119", "Berlin"],
      ["Schildergasse 65", "50667", "Köln"],
      ["Sendlinger Straße 24", "80331", "München"],
      ["Mönckebergstraße 9", "20095", "Hamburg"],
      ["Zeil 88", "60313", "Frankfurt am Main"],
      ["Königstraße 31", "70173", "Stuttgart"],
    ],
    products: [
      { name: "Noise-cancelling headphones", price: 249, weight: 3 },
      { name: "Mechanical keyboard", price: 139, weight: 3 },
      { name: 'Monitor 27"', price: 389 },
      { name: "Phone case", price: 24, weight: 4 },
      { name: 'Tablet 11"', price: 599 },
      { name: "Coffee grinder", price: 89, weight: 2 },
    ],
  },
  {
    name: "Harbour & Pine",
    reference: "harbour-and-pine",
    country: "GB",
    currency: "GBP",
    timeZone: "Europe/London",
    taxRate: 2000,
    state: "OPERATIONAL",
    accounts: { test: "OPERATIONAL", live: "OPERATIONAL" },
    accountTail: "HP9KC3YBERS",
    onboardedDaysAgo: 268,
    legalName: "Harbour & Pine Ltd",
    registrationNumber: "09876543",
    brand: { name: "Harbour & Pine", website: "https://www.harbourandpine.example" },
    perDay: 8,
    referencePrefix: "HP",
    places: [
      ["18 Carnaby Street", "W1F 9PL", "London"],
      ["42 King's Road", "SW3 4UD", "London"],
      ["7 Victoria Street", "EH1 2HE", "Edinburgh"],
      ["23 Park Street", "BS1 5NG", "Bristol"],
      ["61 Deansgate", "M3 2BW", "Manchester"],
    ],
    products: [
      { name: "Oxford shirt", price: 79, weight: 4 },
      { name: "Chore jacket", price: 165, weight: 2 },
      { name: "Selvedge jeans", price: 145, weight: 2 },
      { name: "Leather belt", price: 55, weight: 3 },
      { name: "Wool overcoat", price: 385 },
      { name: "Socks, three pairs", price: 24, weight: 4 },
    ],
  },
  {
    name: "Maple Street Outfitters",
    reference: "maple-street",
    country: "US",
    currency: "USD",
    timeZone: "America/New_York",
    taxRate: 0,
    state: "OPERATIONAL",
    accounts: { test: "OPERATIONAL", live: null },
    accountTail: "MS4XH6JGZUD",
    onboardedDaysAgo: 190,
    legalName: "Maple Street Outfitters, Inc.",
    registrationNumber: "84-2917365",
    brand: { name: "Maple Street", website: "https://www.maplestreet.example" },
    perDay: 9,
    referencePrefix: "MS",
    places: [
      ["220 Broadway", "10038", "New York", "NY"],
      ["1401 Walnut Street", "19102", "Philadelphia", "PA"],
      ["85 Newbury Street", "02116", "Boston", "MA"],
      ["650 North Michigan Avenue", "60611", "Chicago", "IL"],
    ],
    products: [
      { name: "Flannel shirt", price: 68, weight: 4 },
      { name: "Canvas tote", price: 38, weight: 3 },
      { name: "Rain parka", price: 198, weight: 2 },
      { name: "Camp mug", price: 18, weight: 4 },
      { name: "Duck boots", price: 145, weight: 2 },
      { name: "Down quilt", price: 289 },
    ],
  },
  {
    name: "Van Dalen Fietsen",
    reference: "van-dalen-fietsen",
    country: "NL",
    currency: "EUR",
    timeZone: "Europe/Amsterdam",
    taxRate: 2100,
    state: "OPERATIONAL",
    accounts: { test: "OPERATIONAL", live: null },
    accountTail: "VD8BN5FWKHL",
    onboardedDaysAgo: 141,
    legalName: "Van Dalen Fietsen B.V.",
    registrationNumber: "68421957",
    brand: { name: "Van Dalen", website: "https://www.vandalenfietsen.example" },
    perDay: 4,
    referencePrefix: "VD",
    places: [
      ["Oude Hoogstraat 12", "1012CE", "Amsterdam"],
      ["Twijnstraat 48", "3511ZL", "Utrecht"],
      ["Folkingestraat 19", "9711JS", "Groningen"],
    ],
    products: [
      { name: "City bike, seven gears", price: 849 },
      { name: "Helmet", price: 69, weight: 3 },
      { name: "Chain lock", price: 89, weight: 3 },
      { name: "Pannier set", price: 129, weight: 2 },
      { name: "Service, large", price: 95, weight: 3 },
      { name: "Cargo e-bike", price: 3995 },
    ],
  },
  {
    name: "Suomen Kello",
    reference: "suomen-kello",
    country: "FI",
    currency: "EUR",
    timeZone: "Europe/Helsinki",
    taxRate: 2550,
    state: "OPERATIONAL",
    accounts: { test: "OPERATIONAL", live: null },
    accountTail: "SK3WR7LPMEV",
    onboardedDaysAgo: 84,
    legalName: "Suomen Kello Oy",
    registrationNumber: "2847561-3",
    brand: { name: "Suomen Kello", website: "https://www.suomenkello.example" },
    perDay: 3,
    referencePrefix: "SK",
    places: [
      ["Aleksanterinkatu 21", "00100", "Helsinki"],
      ["Hämeenkatu 15", "33100", "Tampere"],
      ["Yliopistonkatu 28", "20100", "Turku"],
    ],
    products: [
      { name: "Field watch", price: 295, weight: 2 },
      { name: "Leather strap", price: 49, weight: 4 },
      { name: "Battery change", price: 25, weight: 3 },
      { name: "Chronograph", price: 690 },
      { name: "Wall clock", price: 119, weight: 2 },
    ],
  },
  {
    name: "Meble Nowak",
    reference: "meble-nowak",
    country: "PL",
    currency: "PLN",
    timeZone: "Europe/Warsaw",
    taxRate: 2300,
    state: "SUSPENDED",
    accounts: { test: "DISABLED", live: null },
    accountTail: "MN6GT2CSQJB",
    onboardedDaysAgo: 233,
    legalName: "Meble Nowak sp. z o.o.",
    registrationNumber: "0000412785",
    brand: { name: "Nowak", website: "https://www.meblenowak.example" },
    perDay: 3,
    silentDays: 11,
    referencePrefix: "MN",
    places: [
      ["Nowy Świat 33", "00-029", "Warszawa"],
      ["Floriańska 14", "31-021", "Kraków"],
      ["Półwiejska 26", "61-888", "Poznań"],
    ],
    products: [
      { name: "Bookcase", price: 899 },
      { name: "Dining chair", price: 379, weight: 3 },
      { name: "Desk lamp", price: 159, weight: 4 },
      { name: "Sofa bed", price: 3290 },
    ],
  },
  {
    name: "Bottega Amara",
    reference: "bottega-amara",
    country: "IT",
    currency: "EUR",
    timeZone: "Europe/Rome",
    taxRate: 2200,
    state: "DRAFT",
    accounts: { test: null, live: null },
    accountTail: "",
    onboardedDaysAgo: 2,
    legalName: "Bottega Amara S.r.l.",
    registrationNumber: "MI-2718281",
    brand: { name: "Amara", website: "https://www.bottegaamara.example" },
    perDay: 0,
    referencePrefix: "BA",
    places: [],
    products: [],
  },
];

export function demoAddress(partner: DemoPartner, place: DemoPartner["places"][number]): Address {
  const [street_address, postal_code, city, region] = place;
  return { street_address, postal_code, city, country: partner.country, ...(region === undefined ? {} : { region }) };
}
