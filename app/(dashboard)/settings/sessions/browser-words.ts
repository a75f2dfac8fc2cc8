export type BrowserWords = { text: string; isHandheld: boolean };

/** The more specific name first: nearly every browser also claims to be Chrome or Safari. */
const BROWSERS: ReadonlyArray<readonly [sign: RegExp, name: string]> = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\b(?:OPR|Opera|OPiOS)\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\b(?:Headless)?Chrom(?:e|ium)\/|\bCriOS\//, "Chrome"],
  [/\bVersion\/\S+ (?:Mobile\/\S+ )?Safari\//, "Safari"],
];

const DEVICES: ReadonlyArray<readonly [sign: RegExp, name: string, isHandheld: boolean]> = [
  [/\biPhone\b/, "iPhone", true],
  [/\biPad\b/, "iPad", true],
  [/\bAndroid\b.*\bMobile\b/, "an Android phone", true],
  [/\bAndroid\b/, "an Android tablet", true],
  [/\bCrOS\b/, "ChromeOS", false],
  [/\bWindows\b/, "Windows", false],
  [/\bMacintosh\b|\bMac OS X\b/, "Mac", false],
  [/\bLinux\b/, "Linux", false],
];

/**
 * What a browser says of itself, as a person would: "Firefox on Windows". It can say anything, so only words of ours come
 * back; no version, because browsers freeze or invent theirs.
 */
export function browserWords(userAgent: string | null): BrowserWords {
  const said = userAgent ?? "";
  const browser = BROWSERS.find(([sign]) => sign.test(said))?.[1];
  const [, device, isHandheld = false] = DEVICES.find(([sign]) => sign.test(said)) ?? [];
  const text = device === undefined ? (browser ?? "Unknown browser") : `${browser ?? "Unknown browser"} on ${device}`;
  return { text, isHandheld };
}
