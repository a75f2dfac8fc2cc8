/** By country the zone of its capital or largest city; countries of several zones go by their region where it is known. */
const COUNTRY_ZONES: Readonly<Record<string, string>> = {
  AT: "Europe/Vienna",
  AU: "Australia/Sydney",
  BE: "Europe/Brussels",
  CA: "America/Toronto",
  CH: "Europe/Zurich",
  CZ: "Europe/Prague",
  DE: "Europe/Berlin",
  DK: "Europe/Copenhagen",
  ES: "Europe/Madrid",
  FI: "Europe/Helsinki",
  FR: "Europe/Paris",
  GB: "Europe/London",
  GR: "Europe/Athens",
  HU: "Europe/Budapest",
  IE: "Europe/Dublin",
  IT: "Europe/Rome",
  JP: "Asia/Tokyo",
  KW: "Asia/Kuwait",
  MX: "America/Mexico_City",
  NL: "Europe/Amsterdam",
  NO: "Europe/Oslo",
  NZ: "Pacific/Auckland",
  PL: "Europe/Warsaw",
  PT: "Europe/Lisbon",
  RO: "Europe/Bucharest",
  SE: "Europe/Stockholm",
  SK: "Europe/Bratislava",
  US: "America/New_York",
};

const zoned = (zone: string, regions: string): [string, string][] =>
  regions.split(" ").map((region): [string, string] => [region, zone]);
const REGION_ZONES: Readonly<Record<string, ReadonlyMap<string, string>>> = {
  US: new Map([
    ...zoned("America/Chicago", "AL AR IL IA KS LA MN MS MO NE ND OK SD TN TX WI"),
    ...zoned("America/Denver", "CO ID MT NM UT WY"),
    ...zoned("America/Phoenix", "AZ"),
    ...zoned("America/Los_Angeles", "CA NV OR WA"),
    ...zoned("America/Anchorage", "AK"),
    ...zoned("Pacific/Honolulu", "HI"),
  ]),
  CA: new Map([
    ...zoned("America/Vancouver", "BC"),
    ...zoned("America/Edmonton", "AB NT"),
    ...zoned("America/Regina", "SK"),
    ...zoned("America/Winnipeg", "MB"),
    ...zoned("America/Halifax", "NS NB PE"),
    ...zoned("America/St_Johns", "NL"),
    ...zoned("America/Whitehorse", "YT"),
  ]),
  AU: new Map([
    ...zoned("Australia/Brisbane", "QLD"),
    ...zoned("Australia/Adelaide", "SA"),
    ...zoned("Australia/Darwin", "NT"),
    ...zoned("Australia/Perth", "WA"),
    ...zoned("Australia/Hobart", "TAS"),
  ]),
  MX: new Map([
    ...zoned("America/Tijuana", "BC BCN"),
    ...zoned("America/Hermosillo", "SON"),
    ...zoned("America/Mazatlan", "SIN NAY BCS"),
    ...zoned("America/Cancun", "ROO"),
  ]),
  ES: new Map(zoned("Atlantic/Canary", "CN GC TF")),
  PT: new Map([...zoned("Atlantic/Azores", "20"), ...zoned("Atlantic/Madeira", "30")]),
};

/** The zone that clocks in a store show: the one that was set, else by its address; UTC where that says nothing. */
export function timeZoneOf(place: { setting?: string | null; country: string | null; region?: string | null }): string {
  if (place.setting && place.setting !== "auto") return place.setting;
  const country = place.country ?? "";
  const region = (place.region ?? "")
    .trim()
    .toUpperCase()
    .replace(/^[A-Z]{2}-/, "");
  return REGION_ZONES[country]?.get(region) ?? COUNTRY_ZONES[country] ?? "UTC";
}
