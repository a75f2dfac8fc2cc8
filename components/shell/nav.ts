import {
  Activity,
  Banknote,
  Building2,
  Code,
  CreditCard,
  FileUp,
  Gauge,
  KeyRound,
  LayoutDashboard,
  type LucideIcon,
  MonitorSmartphone,
  ScrollText,
  Settings,
  Store,
  Webhook,
} from "lucide-react";

/** Icons by name, so that a server component can describe the menu. */
export const NAV_ICONS = {
  overview: LayoutDashboard,
  payments: CreditCard,
  "take-payment": Banknote,
  partners: Building2,
  stores: Store,
  terminals: MonitorSmartphone,
  imports: FileUp,
  webhooks: Webhook,
  developers: Code,
  keys: KeyRound,
  audit: ScrollText,
  system: Activity,
  health: Gauge,
  settings: Settings,
} as const satisfies Record<string, LucideIcon>;

export type NavIcon = keyof typeof NAV_ICONS;

export type NavItem = {
  label: string;
  href: string;
  icon: NavIcon;
  /** Items of one group stand together. */
  group: string;
  /** `g` and then this letter goes there. */
  letter?: string;
  /** Shown only where it calls for action. */
  count?: number;
};

/** A thing one can do from anywhere: shown in the palette. */
export type ShellAction = { label: string; href: string; icon: NavIcon };

export function isCurrent(pathname: string, href: string): boolean {
  return href === "/" ? pathname === "/" : pathname === href || pathname.startsWith(`${href}/`);
}

/** Where an id leads, so that any id can be pasted into the palette. */
const RECORDS: ReadonlyArray<readonly [prefix: string, path: string, noun: string]> = [
  ["pay_", "/payments/", "payment"],
  ["ptn_", "/partners/", "Partner"],
  ["sto_", "/stores/", "store"],
  ["ter_", "/terminals/", "terminal"],
  ["imp_", "/imports/", "import"],
  ["blk_", "/payments/bulk/", "run of many payments"],
  ["usr_", "/settings/users/", "user"],
  ["rol_", "/settings/roles/", "role"],
  ["apv_", "/settings/approvals/", "approval"],
  ["whe_", "/webhooks/", "webhook endpoint"],
  ["whd_", "/webhooks/deliveries/", "webhook delivery"],
  ["aud_", "/audit/", "audit entry"],
  ["inb_", "/system/received/", "event from Klarna"],
];

export type Hit = { id: string; label: string; hint?: string; href: string };

export function recordOf(text: string): Hit | null {
  const value = text.trim();
  const record = RECORDS.find(([prefix]) => value.startsWith(prefix) && value.length > prefix.length + 20);
  if (record === undefined) return null;
  const [, path, noun] = record;
  return { id: value, label: `Open ${noun}`, hint: value, href: `${path}${encodeURIComponent(value)}` };
}
