import { BookOpen, FlaskConical, Webhook } from "lucide-react";
import type { Metadata } from "next";
import type { ReactNode } from "react";
import { CopyButton } from "@/components/display/copy-button";
import { Page, PageHeader } from "@/components/page-header";
import { SubNav } from "@/components/sub-nav";
import { ButtonLink } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { listApiKeys } from "@/server/auth/api-keys";
import { API_SCOPE_NAMES, can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { listPartnerChoices } from "@/server/domain/partners/service";
import { partnerOptions } from "../partner-options";
import { AddKey } from "./add-key";
import { KeyList } from "./key-list";
import { keyView } from "./key-view";
import { developersNav } from "./nav";

export const metadata: Metadata = { title: "Developers" };

type Search = Record<string, string | string[] | undefined>;
const KEYS_MAX = 100;

export default async function DevelopersPage({ searchParams }: { searchParams: Promise<Search> }) {
  const ctx = await webContext("api_keys:read");
  const { user } = await requireSession();
  const search = await searchParams;
  const canWrite = can(user, "api_keys:write");
  const [keys, partners] = await Promise.all([listApiKeys(ctx, {}, { limit: KEYS_MAX }), listPartnerChoices(ctx)]);
  const names = new Map(partners.map((partner) => [partner.id, partner.name]));
  const now = ctx.clock.now();
  const views = keys.data.map((key) => keyView(key, names.get(key.partnerId) ?? key.partnerId, now));
  return (
    <Page>
      <PageHeader
        title="Developers"
        actions={
          canWrite ? (
            <AddKey
              mode={ctx.scope.mode}
              partners={await partnerOptions(ctx)}
              scopes={API_SCOPE_NAMES}
              isOpenAtFirst={search["add"] === "1"}
            />
          ) : undefined
        }
      />
      <SubNav label="Developers" items={developersNav(user)} />
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 xl:grid-cols-[minmax(0,1fr)_360px]">
        <KeyList
          keys={views}
          scopeCount={API_SCOPE_NAMES.length}
          mode={ctx.scope.mode}
          canWrite={canWrite}
          hasPartners={partners.length > 1}
        />
        <div className="grid gap-4">
          <Panel title="Base address">
            <div className="flex items-center gap-2">
              <code className="min-w-0 flex-1 break-all rounded-md border border-line bg-bg px-2.5 py-1.5 font-mono text-xs">
                {ctx.env.PUBLIC_URL}/api/v1
              </code>
              <CopyButton text={`${ctx.env.PUBLIC_URL}/api/v1`} label="Copy base address" />
            </div>
            <p className="mt-2 text-ink-3 text-xs">
              The key names the Partner and the mode: there is one address for test and live.
            </p>
          </Panel>
          <Panel title="Read on" isFlush>
            <ul>
              <Reading
                icon={<BookOpen aria-hidden />}
                href="/docs"
                title="API reference"
                hint="Every call, its fields and errors"
              />
              <Reading
                icon={<FlaskConical aria-hidden />}
                href="/docs/testing"
                title="Testing"
                hint="Amounts that steer the outcome, and the calls that play the customer"
              />
              {can(user, "webhooks:read") ? (
                <Reading
                  icon={<Webhook aria-hidden />}
                  href="/webhooks"
                  title="Webhooks"
                  hint="Endpoints and deliveries"
                />
              ) : null}
            </ul>
          </Panel>
          <SimulatorPanel ctx={ctx} />
        </div>
      </div>
    </Page>
  );
}

function Reading({ icon, href, title, hint }: { icon: ReactNode; href: string; title: string; hint: string }) {
  return (
    <li className="border-line border-b last:border-b-0">
      <a
        href={href}
        className="flex items-center gap-3 px-4 py-2 hover:bg-hover focus-visible:-outline-offset-2 [&_svg]:size-4 [&_svg]:shrink-0 [&_svg]:text-ink-3"
      >
        {icon}
        <span className="min-w-0">
          <span className="block font-medium text-sm">{title}</span>
          <span className="block text-ink-3 text-xs">{hint}</span>
        </span>
      </a>
    </li>
  );
}

/** In test mode of a demo: the sandbox that stands where Klarna is. Its panel answers to this machine only. */
function SimulatorPanel({ ctx }: { ctx: ServiceContext }) {
  const control = ctx.env.SIMULATOR_CONTROL_URL;
  if (control === undefined || ctx.scope.mode !== "test" || ctx.env.isProduction) return null;
  const panel = new URL(ctx.env.PUBLIC_URL);
  panel.port = new URL(control).port;
  return (
    <Panel title="Klarna simulator">
      <p className="text-ink-2 text-sm">
        Test payments go to a simulator on this machine. Its panel shows requests, transactions and webhooks, plays the
        customer and makes Klarna fail.
      </p>
      <div className="mt-3">
        <ButtonLink href={panel.origin} external>
          Open the control panel
        </ButtonLink>
      </div>
    </Panel>
  );
}
