"use client";

import { Menu, Search } from "lucide-react";
import dynamic from "next/dynamic";
import { usePathname } from "next/navigation";
import { shortId } from "@/components/display/id";
import { Breadcrumb, type Crumb } from "@/components/ui/breadcrumb";
import { Button } from "@/components/ui/button";
import { Kbd } from "@/components/ui/kbd";
import type { AppShellProps } from "./app-shell";
import { useCrumbLabel } from "./crumb-label";
import { ImpersonationBanner } from "./impersonation-banner";
import { ModeSwitch } from "./mode-switch";
import type { NavItem } from "./nav";
import { PersonMenu } from "./person-menu";

const PartnerSwitch = dynamic(() => import("./partner-switch").then((module) => module.PartnerSwitch));

type TopBarProps = Omit<AppShellProps, "children"> & {
  onOpenMenu: () => void;
  onOpenPalette: () => void;
  onOpenHelp: () => void;
};

export function TopBar({
  user,
  mode,
  modes,
  nav,
  partners,
  partnerId,
  setMode,
  setPartner,
  signOut,
  viewedAs,
  stopViewing,
  onOpenMenu,
  onOpenPalette,
  onOpenHelp,
}: TopBarProps) {
  const crumbs = useCrumbs(nav);
  return (
    <header className="sticky top-0 z-20 bg-surface">
      {viewedAs === undefined || stopViewing === undefined ? null : (
        <ImpersonationBanner viewedAs={viewedAs} stop={stopViewing} />
      )}
      <div className="flex h-12 items-center gap-2 border-line border-b px-3 md:px-6">
        <Button variant="ghost" size="icon" aria-label="Open the menu" className="-ml-1 md:hidden" onClick={onOpenMenu}>
          <Menu aria-hidden />
        </Button>
        <div className="min-w-0 flex-1">
          <Breadcrumb items={crumbs} />
        </div>
        <button
          type="button"
          onClick={onOpenPalette}
          className="flex h-8 items-center gap-2 rounded-md border border-line-strong bg-raised px-2.5 text-ink-3 text-sm hover:text-ink lg:w-56"
        >
          <Search aria-hidden className="size-4" />
          <span className="flex-1 text-left max-lg:sr-only">Search</span>
          <Kbd className="max-lg:hidden">Ctrl K</Kbd>
        </button>
        {partners === undefined || partners.length < 2 || setPartner === undefined ? null : (
          <PartnerSwitch partners={partners} partnerId={partnerId ?? null} setPartner={setPartner} />
        )}
        <ModeSwitch mode={mode} modes={modes} setMode={setMode} />
        <PersonMenu user={user} hasOwnPages={viewedAs === undefined} signOut={signOut} onOpenHelp={onOpenHelp} />
      </div>
    </header>
  );
}

function useCrumbs(nav: readonly NavItem[]): Crumb[] {
  const pathname = usePathname();
  const label = useCrumbLabel();
  const parts = pathname.split("/").filter(Boolean);
  if (parts.length === 0) return [{ label: nav.find((item) => item.href === "/")?.label ?? "Overview" }];
  return parts.map((part, index) => {
    const href = `/${parts.slice(0, index + 1).join("/")}`;
    const known = nav.find((item) => item.href === href)?.label;
    const isLast = index === parts.length - 1;
    const text = (isLast && label !== null && known === undefined ? label : known) ?? wordOf(part);
    return isLast ? { label: text } : { label: text, href };
  });
}

function wordOf(part: string): string {
  const text = decodeURIComponent(part);
  if (/^[a-z]{2,4}_/.test(text)) return shortId(text);
  return text.charAt(0).toUpperCase() + text.slice(1).replaceAll("-", " ");
}
