"use client";

import { type ReactNode, useState } from "react";
import { ConfirmAction } from "@/components/confirm-action";
import { Country } from "@/components/display/country";
import { DefinitionList } from "@/components/display/definition-list";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toast";
import type { DraftRecord } from "@/server/domain/partners/schema-onboarding";
import { entityTypeWords } from "../../_forms/choices";
import { approveDraftAction, rejectDraftAction, submitDraftAction } from "../../actions";
import type { OnboardingRights } from "./onboarding";
import { STEP_WORDS, type Step } from "./steps";
import type { DraftControl } from "./use-draft";
import type { About } from "./wizard";

const COUNT = new Intl.NumberFormat("en");
const counted = (count: number, one: string, many: string) => `${COUNT.format(count)} ${count === 1 ? one : many}`;

export function ReviewStep({
  draft,
  control,
  rights,
  onJump,
  onGo,
}: {
  draft: DraftRecord;
  control: DraftControl;
  rights: OnboardingRights;
  onJump: (about: About) => void;
  onGo: (step: Step) => void;
}) {
  const lacking = draft.completeness.missing.filter(
    (item) => item.level === "required" && (draft.may.editPayments || item.section !== "payments"),
  );
  return (
    <div className="grid gap-5">
      {lacking.length === 0 ? null : (
        <Notice tone="warn" title={`${counted(lacking.length, "required thing is", "required things are")} missing`}>
          <ul className="grid gap-0.5">
            {lacking.slice(0, 8).map((item) => (
              <li key={`${item.section} ${item.item} ${item.field}`}>
                <button
                  type="button"
                  className="rounded-xs text-left underline underline-offset-2"
                  onClick={() => onJump(item)}
                >
                  {item.label}
                </button>{" "}
                <span className="font-mono text-xs">{item.requirement}</span>
              </li>
            ))}
          </ul>
        </Notice>
      )}
      <Summary draft={draft} onGo={onGo} />
      <Decide draft={draft} control={control} rights={rights} isLacking={lacking.length > 0} />
    </div>
  );
}

function Part({ step, onGo, children }: { step: Step; onGo: (step: Step) => void; children: ReactNode }) {
  return (
    <section className="grid gap-1">
      <div className="flex items-center justify-between gap-2">
        <h3 className="font-semibold text-sm">{STEP_WORDS[step].title}</h3>
        <Button size="sm" variant="ghost" onClick={() => onGo(step)} aria-label={`Open ${STEP_WORDS[step].title}`}>
          Open
        </Button>
      </div>
      {children}
    </section>
  );
}

function Summary({ draft, onGo }: { draft: DraftRecord; onGo: (step: Step) => void }) {
  const nameOfBrand = (reference: string) =>
    draft.brands.find((brand) => brand.reference === reference)?.name ?? reference;
  return (
    <div className="grid gap-5">
      <Part step="company" onGo={onGo}>
        <DefinitionList
          items={[
            { term: "Name", value: draft.partnerName },
            { term: "Name at Klarna", value: draft.accountName ?? draft.partnerName },
            { term: "Country", value: <Country code={draft.country} /> },
            { term: "Currency", value: draft.currency },
          ]}
        />
      </Part>
      <Part step="contact" onGo={onGo}>
        <DefinitionList
          items={[
            {
              term: "Name",
              value: draft.contact === null ? null : `${draft.contact.given_name} ${draft.contact.family_name}`,
            },
            { term: "E-mail", value: draft.contact?.email },
            { term: "Phone", value: draft.contact?.phone },
          ]}
        />
      </Part>
      <Part step="entities" onGo={onGo}>
        <DefinitionList
          items={draft.entities.map((entity) => ({
            term: entity.legalName,
            value: [entityTypeWords(entity.entityType), entity.registrationNumber, entity.country]
              .filter(Boolean)
              .join(" · "),
            hint: [
              counted(entity.stakeholders.length, "person", "people"),
              entity.payoutHint ?? "no payout account",
            ].join(" · "),
          }))}
        />
      </Part>
      <Part step="brands" onGo={onGo}>
        <DefinitionList
          items={draft.brands.map((brand) => ({
            term: brand.name,
            value: brand.website ?? "No website",
            hint: brand.logoUrl === null ? "No logo" : "Logo given",
          }))}
        />
      </Part>
      <Part step="storeGroups" onGo={onGo}>
        <DefinitionList
          items={draft.storeGroups.map((group) => ({
            term: group.name,
            value: `${nameOfBrand(group.brand)} · ${counted(group.storeCount, "store", "stores")}`,
            hint: group.supportEmail ?? group.supportPhone ?? group.supportUrl ?? "No support contact",
          }))}
        />
      </Part>
      <Part step="stores" onGo={onGo}>
        <p className="text-sm">
          {counted(draft.storeCount, "store", "stores")} with {counted(draft.terminalCount, "terminal", "terminals")}
        </p>
      </Part>
      <Part step="payments" onGo={onGo}>
        {draft.paymentAccounts.length === 0 ? (
          <p className="text-ink-3 text-sm">Not chosen yet.</p>
        ) : (
          <DefinitionList
            items={draft.paymentAccounts.map((account) => ({
              term: account.reference,
              value: draft.entities.find((entity) => entity.reference === account.entity)?.legalName ?? account.entity,
              hint: `Category ${account.categoryCode}${account.isDefault ? " · default" : ""}`,
            }))}
          />
        )}
      </Part>
    </div>
  );
}

function Decide({
  draft,
  control,
  rights,
  isLacking,
}: {
  draft: DraftRecord;
  control: DraftControl;
  rights: OnboardingRights;
  isLacking: boolean;
}) {
  const [isBusy, setBusy] = useState(false);
  const isUnsaved = control.save.kind !== "saved";
  const refresh = () => void control.read();
  if (!rights.isAcquirer) {
    if (!draft.may.submit) return null;
    return (
      <div className="flex flex-wrap items-center justify-end gap-3">
        <p className="text-ink-3 text-xs">Afterwards the draft rests until the acquirer has decided.</p>
        <Button
          variant="primary"
          isBusy={isBusy}
          disabled={isLacking || isUnsaved}
          onClick={async () => {
            setBusy(true);
            await control.flush();
            const result = await submitDraftAction(draft.partnerId, control.version.current);
            setBusy(false);
            if (result.ok) toast.success(result.message ?? "Handed in");
            else toast.error(result.message);
            refresh();
          }}
        >
          Hand in to the acquirer
        </Button>
      </div>
    );
  }
  if (!draft.may.decide) return null;
  return (
    <div className="flex flex-wrap justify-end gap-2">
      {draft.state === "SUBMITTED" ? (
        <ConfirmAction
          label="Send back"
          title="Send the draft back?"
          verb="Send back"
          partner={draft.partnerName}
          consequence="The Partner can change it again and hears the reason by mail."
          reason={{ label: "What needs to change", isRequired: true }}
          onConfirm={({ reason }) => rejectDraftAction(draft.partnerId, reason)}
          onDone={refresh}
        />
      ) : null}
      <ConfirmAction
        label={draft.state === "REFUSED" ? "Send again to Klarna" : "Approve and send to Klarna"}
        variant="primary"
        tone="primary"
        isDisabled={isLacking || isUnsaved || !draft.completeness.isReady}
        title={`Onboard ${draft.partnerName} at Klarna?`}
        verb="Approve and send"
        partner={draft.partnerName}
        mode={draft.mode}
        facts={[
          { term: "Legal entities", value: draft.entities.length },
          { term: "Brands", value: draft.brands.length },
          { term: "Store groups", value: draft.storeGroups.length },
          { term: "Stores", value: COUNT.format(draft.storeCount) },
          { term: "Terminals", value: COUNT.format(draft.terminalCount) },
        ]}
        consequence="Klarna gets all of it in one call. The draft cannot change after that; the records can."
        onConfirm={() => approveDraftAction(draft.partnerId, control.version.current)}
        onDone={refresh}
      />
    </div>
  );
}
