import type { Metadata } from "next";
import type { ReactNode } from "react";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { NONE } from "@/components/display/none";
import { Notice } from "@/components/notice";
import { TextLink } from "@/components/text-link";
import { Badge } from "@/components/ui/badge";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import { ArchiveRecord, EditBrand, EditGroup } from "../edit-records";
import { loadPartner, NoAccount, PartnerFrame } from "../partner-frame";

export const metadata: Metadata = { title: "Partner's brands" };

export default async function BrandsPage({ params }: { params: Promise<{ id: string }> }) {
  const page = await loadPartner(params);
  const { ctx, user, partner, account } = page;
  if (account === null)
    return (
      <PartnerFrame page={page}>
        <NoAccount mode={ctx.scope.mode} />
      </PartnerFrame>
    );
  const mayWrite = can(user, "stores:write") && partner.state !== "CLOSED" && account.state !== "NOT_ONBOARDED";
  const of = { id: partner.id, reference: partner.reference, country: partner.country };
  const options = account.brands
    .filter((brand) => brand.status === "ACTIVE")
    .map((brand) => ({ value: brand.reference, label: brand.name }));
  return (
    <PartnerFrame page={page}>
      {mayWrite ? (
        <div className="flex flex-wrap gap-2">
          <EditBrand partner={of} brand={null} known={account.brands} />
          {options.length === 0 ? null : (
            <EditGroup partner={of} group={null} brands={options} known={account.storeGroups} />
          )}
        </div>
      ) : null}
      {account.brands.length === 0 ? (
        <p className="py-6 text-center text-ink-3 text-sm">No brand in this mode.</p>
      ) : null}
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 xl:grid-cols-2">
        {account.brands.map((brand) => {
          const groups = account.storeGroups.filter((group) => group.brand === brand.reference);
          const isArchived = brand.status === "ARCHIVED";
          return (
            <Panel
              key={brand.id}
              title={brand.name}
              actions={
                <>
                  {isArchived ? <Badge>Archived</Badge> : null}
                  {mayWrite ? (
                    <>
                      {isArchived ? null : <EditBrand partner={of} brand={brand} known={account.brands} />}
                      <ArchiveRecord
                        partnerId={partner.id}
                        kind="brand"
                        id={brand.id}
                        name={brand.name}
                        isArchived={isArchived}
                      />
                    </>
                  ) : null}
                </>
              }
            >
              <div className="grid gap-3">
                {brand.dataState === "INCOMPLETE" ? (
                  <Notice tone="warn" title="Klarna cannot use the data of this brand">
                    {brand.dataProblem ?? undefined}
                  </Notice>
                ) : null}
                <DefinitionList
                  items={[
                    { term: "Reference", value: brand.reference },
                    { term: "Website", value: <Elsewhere href={brand.website} /> },
                    { term: "Logo", value: <Elsewhere href={brand.logoUrl} /> },
                    { term: "Icon", value: <Elsewhere href={brand.iconUrl} /> },
                    {
                      term: "Feature picture",
                      value: <Elsewhere href={brand.featureImageUrl} />,
                      isHidden: brand.featureImageUrl === null,
                    },
                    { term: "Klarna's id", value: <Id value={brand.klarnaId} /> },
                  ]}
                />
                <h3 className="font-semibold text-sm">Store groups</h3>
                {groups.length === 0 ? <p className="text-ink-3 text-sm">None yet.</p> : null}
                <ul className="grid gap-2">
                  {groups.map((group) => (
                    <li
                      key={group.id}
                      className="flex flex-wrap items-center gap-2 rounded-md border border-line px-3 py-2"
                    >
                      <div className="min-w-0 flex-1">
                        <p className="truncate text-sm">
                          <TextLink href={`/stores?group=${group.id}`}>{group.name}</TextLink>
                        </p>
                        <p className="truncate text-ink-3 text-xs">
                          {group.storeCount === 1 ? "1 store" : `${group.storeCount} stores`} ·{" "}
                          {group.supportEmail ?? group.supportPhone ?? group.supportUrl ?? "no support contact"}
                        </p>
                      </div>
                      {group.status === "ARCHIVED" ? <Badge>Archived</Badge> : null}
                      {mayWrite ? (
                        <>
                          {group.status === "ARCHIVED" ? null : (
                            <EditGroup partner={of} group={group} brands={options} known={account.storeGroups} />
                          )}
                          <ArchiveRecord
                            partnerId={partner.id}
                            kind="store_group"
                            id={group.id}
                            name={group.name}
                            isArchived={group.status === "ARCHIVED"}
                          />
                        </>
                      ) : null}
                    </li>
                  ))}
                </ul>
              </div>
            </Panel>
          );
        })}
      </div>
    </PartnerFrame>
  );
}

/** Pictures of other hosts are not loaded here: the address leads to what customers see. */
function Elsewhere({ href }: { href: string | null }): ReactNode {
  if (href === null) return NONE;
  return (
    <a
      href={href}
      target="_blank"
      rel="noreferrer"
      className="break-all rounded-xs text-accent underline-offset-2 hover:underline"
    >
      {href}
    </a>
  );
}
