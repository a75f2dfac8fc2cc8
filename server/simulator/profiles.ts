import { personOf } from "./markets";
import type { PaymentRequest } from "./model";

/** What a finished journey tells about the customer, who is always one of the test persons. */

/** The person that a finished journey is about, as far as the Partner asked for it. */
export function customerProfileOf(request: PaymentRequest): Record<string, unknown> | null {
  const asked = new Set(request.collect_customer_profile);
  if (asked.size === 0) return null;
  const person = personOf(request.country);
  const [given = "Test", ...family] = person.name.split(" ");
  const code = request.country === "GB" ? "uk" : request.country.toLowerCase();
  return {
    ...(asked.has("profile:name") || asked.has("profile:billing_address") || asked.has("profile:email")
      ? { given_name: given, family_name: family.join(" ") || "Person" }
      : {}),
    ...(asked.has("profile:email") ? { email: `customer@email.${code}` } : {}),
    ...(asked.has("profile:phone") ? { phone: request.journey?.phone ?? person.approvedPhone } : {}),
    ...(asked.has("profile:billing_address") ? { address: addressOf(request.country) } : {}),
  };
}

export function shippingOf(request: PaymentRequest): Record<string, unknown> | null {
  if (!request.has_shipping_config) return null;
  const person = personOf(request.country);
  const [given = "Test", ...family] = person.name.split(" ");
  return {
    recipient: { given_name: given, family_name: family.join(" ") || "Person", phone: person.approvedPhone },
    address: addressOf(request.country),
  };
}

/** Where Klarna's test persons live: street, postal code, city. */
const ADDRESSES: Record<string, readonly [string, string, string]> = {
  AT: ["Mariahilfer Straße 47", "1060", "Wien"],
  BE: ["Grote Markt 1", "1000", "Brussel"],
  CH: ["Augustinergasse 2", "4051", "Basel"],
  DE: ["Neue Schönhauser Str. 2", "10178", "Berlin"],
  DK: ["Dantes Plads 7", "1556", "København"],
  ES: ["C. de Atocha 27", "28012", "Madrid"],
  FI: ["Mannerheimintie 34", "00100", "Helsinki"],
  FR: ["33 rue la Fayette", "75009", "Paris"],
  GB: ["10 New Burlington Street", "W1S 3BE", "London"],
  GR: ["Kephisias 37", "151 23", "Athina"],
  HU: ["Ludovika tér 2", "1083", "Budapest"],
  IE: ["30 King Street South", "D02 C838", "Dublin"],
  IT: ["Via Enrico Fermi 150", "00146", "Roma"],
  NL: ["Osdorpplein 137", "1068 SR", "Amsterdam"],
  NO: ["Edvard Munchs Plass 1", "0194", "Oslo"],
  PL: ["Ul. Górczewska 124", "01-460", "Warszawa"],
  PT: ["Avenida Dom João II 40", "1990-094", "Lisboa"],
  RO: ["Drumul Taberei 35", "061357", "București"],
  SE: ["Södra Blasieholmshamnen 2", "11148", "Stockholm"],
  SK: ["Vajanského nábrežie 2", "810 06", "Bratislava"],
  US: ["509 Amsterdam Ave", "10024-3941", "New York"],
};

function addressOf(country: string): Record<string, unknown> {
  const [street_address, postal_code, city] = ADDRESSES[country] ?? ["Test Street 1", "10000", "Test City"];
  return {
    street_address,
    postal_code,
    city,
    ...(country === "US" ? { region: "NY" } : {}),
    country,
  };
}
