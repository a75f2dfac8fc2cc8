import type { Metadata } from "next";
import { Country } from "@/components/display/country";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { Badge } from "@/components/ui/badge";
import { Panel } from "@/components/ui/panel";
import { can } from "@/server/auth/permissions";
import type { Address } from "@/server/core/schema";
import type { AccountRecord } from "@/server/domain/partners/schema-account";
import { getOnboardingChoices, type OnboardingChoices } from "@/server/domain/partners/service";
import { entityTypeWords, STAKEHOLDER_ROLE_WORDS } from "../../_forms/choices";
import { AddPaymentAccount, EditAccount, EditEntity } from "../edit-records";
import { loadPartner, NoAccount, PartnerFrame } from "../partner-frame";
import { PAYMENT_ACCOUNT_STATE_WORDS } from "../state-words";

export const metadata: Metadata = { title: "Partner's company" };

export default async function CompanyPage({ params }: { params: Promise<{ id: string }> }) {
  const page = await loadPartner(params);
  const { ctx, user, partner, account } = page;
  if (account === null)
    return (
      <PartnerFrame page={page}>
        <NoAccount mode={ctx.scope.mode} />
      </PartnerFrame>
    );
  const isAcquirer = ctx.scope.partners === "all";
  // A draft is changed in its wizard, so that one version counts for all of it.
  const mayWrite =
    isAcquirer && can(user, "partners:write") && partner.state !== "CLOSED" && account.state !== "NOT_ONBOARDED";
  const choices = mayWrite ? await getOnboardingChoices(ctx) : null;
  const of = { id: partner.id, reference: partner.reference, country: partner.country };
  return (
    <PartnerFrame page={page}>
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-[minmax(0,1fr)_minmax(320px,400px)]">
        <div className="grid gap-4">
          {account.entities.length === 0 ? (
            <Panel title="Legal entities">
              <p className="text-ink-3 text-sm">None in this mode.</p>
            </Panel>
          ) : null}
          {account.entities.map((entity) => (
            <Panel
              key={entity.id}
              title={entity.legalName}
              actions={mayWrite ? <EditEntity partner={of} entity={entity} known={account.entities} /> : undefined}
            >
              <EntityFacts entity={entity} hasPersonalData={account.hasPersonalData} />
            </Panel>
          ))}
          {mayWrite ? (
            <div>
              <EditEntity partner={of} entity={null} known={account.entities} />
            </div>
          ) : null}
        </div>
        <div className="grid gap-4">
          <Panel
            title="Account"
            actions={
              mayWrite ? (
                <EditAccount partner={of} account={{ accountName: account.accountName, contact: account.contact }} />
              ) : undefined
            }
          >
            <DefinitionList
              items={[
                { term: "Name at Klarna", value: account.accountName ?? partner.name },
                ...(account.hasPersonalData
                  ? [
                      {
                        term: "Contact",
                        value:
                          account.contact === null
                            ? null
                            : `${account.contact.given_name} ${account.contact.family_name}`,
                      },
                      { term: "E-mail", value: account.contact?.email ?? null },
                      { term: "Phone", value: account.contact?.phone ?? null },
                    ]
                  : []),
                { term: "Country", value: <Country code={partner.country} /> },
                { term: "Currency", value: partner.currency },
                {
                  term: "Payment profile",
                  value: profileName(choices, account.paymentProfileId),
                },
              ]}
            />
          </Panel>
          <Panel
            title="Payment accounts"
            actions={
              mayWrite && choices !== null && account.entities.length > 0 && account.storeGroups.length > 0 ? (
                <AddPaymentAccount
                  partner={of}
                  known={account.paymentAccounts}
                  acquiringAccounts={choices.acquiringAccounts.map((one) => ({
                    value: one.payment_acquiring_account_id,
                    label: one.acquiring_entity_name ?? one.payment_acquiring_account_id,
                  }))}
                  entities={account.entities.map((one) => ({ value: one.reference, label: one.legalName }))}
                  groups={account.storeGroups
                    .filter((one) => one.status === "ACTIVE")
                    .map((one) => ({ value: one.reference, label: one.name }))}
                />
              ) : undefined
            }
          >
            {account.paymentAccounts.length === 0 ? (
              <p className="text-ink-3 text-sm">None that we know of.</p>
            ) : (
              <ul className="grid gap-3">
                {account.paymentAccounts.map((one) => (
                  <li key={one.id} className="grid gap-0.5 border-line border-b pb-3 text-sm last:border-b-0 last:pb-0">
                    <div className="flex flex-wrap items-center gap-2">
                      <span className="font-medium">{one.reference}</span>
                      <Badge tone={one.state === "ENABLED" ? "good" : one.state === "DISABLED" ? "bad" : "info"} hasDot>
                        {PAYMENT_ACCOUNT_STATE_WORDS[one.state] ?? one.state}
                      </Badge>
                      {one.isDefault ? <span className="text-ink-3 text-xs">default</span> : null}
                    </div>
                    <span className="text-ink-3 text-xs">
                      {account.entities.find((entity) => entity.reference === one.entity)?.legalName ?? one.entity} ·
                      category {one.categoryCode}
                    </span>
                    <Id value={one.klarnaId} />
                  </li>
                ))}
              </ul>
            )}
          </Panel>
        </div>
      </div>
    </PartnerFrame>
  );
}

function profileName(choices: OnboardingChoices | null, id: string | null) {
  if (id === null) return null;
  const known = choices?.paymentProfiles.find((profile) => profile.payment_profile_id === id);
  return known?.name ?? <Id value={id} />;
}

function addressWords(address: Address | null): string | null {
  if (address === null) return null;
  return [
    address.street_address,
    address.street_address2,
    `${address.postal_code} ${address.city}`,
    address.region,
    address.country,
  ]
    .filter((part) => part !== undefined && part !== "")
    .join(", ");
}

function EntityFacts({
  entity,
  hasPersonalData,
}: {
  entity: AccountRecord["entities"][number];
  hasPersonalData: boolean;
}) {
  return (
    <DefinitionList
      items={[
        { term: "Reference", value: entity.reference },
        { term: "Country", value: <Country code={entity.country} /> },
        { term: "Legal form", value: entityTypeWords(entity.entityType) },
        { term: "Register number", value: entity.registrationNumber, hint: entity.registrationAuthority ?? undefined },
        { term: "Tax number", value: entity.taxNumber },
        { term: "Licence number", value: entity.licenceNumber, isHidden: entity.licenceNumber === null },
        { term: "Registered address", value: addressWords(entity.address) },
        {
          term: "Works at",
          value: entity.operatingAddresses.map(addressWords).join("; ") || null,
          isHidden: entity.operatingAddresses.length === 0,
        },
        ...entity.stakeholders.map((person, index) => ({
          term: person.roles.map((role) => STAKEHOLDER_ROLE_WORDS[role] ?? role).join(", ") || `Person ${index + 1}`,
          value: `${person.given_name} ${person.family_name}`,
          hint:
            [person.date_of_birth === null ? null : `born ${person.date_of_birth}`, addressWords(person.address)]
              .filter((part) => part !== null)
              .join(" · ") || undefined,
        })),
        {
          term: "Owners and directors",
          value: entity.stakeholderCount === 1 ? "1 person" : `${entity.stakeholderCount} people`,
          hint: "Who they are is for those who fill in onboarding data",
          isHidden: hasPersonalData,
        },
        { term: "Payout account", value: entity.payoutHint },
        { term: "Klarna's id", value: <Id value={entity.klarnaId} /> },
      ].map((item, index, all) => ({
        ...item,
        // Terms are keys: two directors are two lines.
        term: all.findIndex((other) => other.term === item.term) === index ? item.term : `${item.term} ${index}`,
      }))}
    />
  );
}
