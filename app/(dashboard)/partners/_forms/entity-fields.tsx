"use client";

import { Plus, Trash2 } from "lucide-react";
import { Button } from "@/components/ui/button";
import { ENTITY_TYPE_OPTIONS, STAKEHOLDER_ROLE_WORDS } from "./choices";
import {
  AddressInputs,
  CheckInput,
  ChoiceInput,
  CountryInput,
  FieldGroup,
  TextInput,
  TWO_COLUMNS,
  useFields,
} from "./inputs";
import { addressForm, type EntityForm, newPerson, type PersonForm } from "./values";

type Props<T> = { path: string; value: T; onChange: (value: T) => void };

const swap = <T,>(all: readonly T[], index: number, value: T): T[] =>
  all.map((one, at) => (at === index ? value : one));
const without = <T,>(all: readonly T[], index: number): T[] => all.filter((_, at) => at !== index);

/** One legal entity: registration, people, where it works, where it is paid out to. */
export function EntityFields({ path, value, onChange }: Props<EntityForm>) {
  const { isReadOnly } = useFields();
  const set = (change: Partial<EntityForm>) => onChange({ ...value, ...change });
  return (
    <div className="grid gap-5">
      <div className={TWO_COLUMNS}>
        <TextInput
          path={`${path}.legalName`}
          label="Registered name"
          value={value.legalName}
          onChange={(legalName) => set({ legalName })}
          isRequired
          maxLength={99}
        />
        <TextInput
          path={`${path}.reference`}
          label="Reference"
          value={value.reference}
          onChange={(reference) => set({ reference })}
          isRequired
          isFixed={value.isSaved}
          hint="Klarna knows the entity by it. It cannot be changed later."
        />
        <CountryInput
          path={`${path}.country`}
          label="Country of registration"
          value={value.country}
          onChange={(country) => set({ country })}
          isRequired
        />
        <ChoiceInput
          path={`${path}.entityType`}
          label="Legal form"
          value={value.entityType}
          onChange={(entityType) => set({ entityType })}
          options={ENTITY_TYPE_OPTIONS}
          isRequired
        />
        <TextInput
          path={`${path}.registrationNumber`}
          label="Number of the company register"
          value={value.registrationNumber}
          onChange={(registrationNumber) => set({ registrationNumber })}
          isRequired
          maxLength={60}
          hint="Not the VAT number"
        />
        <TextInput
          path={`${path}.registrationAuthority`}
          label="Register"
          value={value.registrationAuthority}
          onChange={(registrationAuthority) => set({ registrationAuthority })}
          maxLength={120}
          hint="For example Amtsgericht Charlottenburg"
        />
        <TextInput
          path={`${path}.taxNumber`}
          label="Tax number"
          value={value.taxNumber}
          onChange={(taxNumber) => set({ taxNumber })}
          maxLength={60}
        />
        <TextInput
          path={`${path}.licenceNumber`}
          label="Licence number"
          value={value.licenceNumber}
          onChange={(licenceNumber) => set({ licenceNumber })}
          maxLength={60}
          hint="Of the financial supervision, where there is one"
        />
      </div>
      <FieldGroup title="Registered address">
        <AddressInputs
          path={`${path}.address`}
          value={value.address}
          onChange={(address) => set({ address })}
          isRequired
        />
      </FieldGroup>
      <FieldGroup title="Owners and directors" hint="Klarna asks who owns and who runs the entity.">
        {value.stakeholders.map((person, index) => (
          <PersonFields
            // biome-ignore lint/suspicious/noArrayIndexKey: people have no name of their own before they are typed
            key={index}
            path={`${path}.stakeholders.${index}`}
            number={index + 1}
            value={person}
            onChange={(next) => set({ stakeholders: swap(value.stakeholders, index, next) })}
            onRemove={() => set({ stakeholders: without(value.stakeholders, index) })}
          />
        ))}
        {isReadOnly ? null : (
          <Button
            className="justify-self-start"
            size="sm"
            data-path={`${path}.stakeholders`}
            onClick={() => set({ stakeholders: [...value.stakeholders, newPerson(value.country)] })}
          >
            <Plus aria-hidden />
            Add a person
          </Button>
        )}
      </FieldGroup>
      <FieldGroup title="Where it works">
        {value.operatingAddresses.map((address, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: addresses have no id
          <div key={index} className="grid gap-2 rounded-md border border-line p-3">
            <AddressInputs
              path={`${path}.operatingAddresses.${index}`}
              value={address}
              onChange={(next) => set({ operatingAddresses: swap(value.operatingAddresses, index, next) })}
            />
            {isReadOnly ? null : (
              <Button
                size="sm"
                variant="ghost"
                className="justify-self-end"
                onClick={() => set({ operatingAddresses: without(value.operatingAddresses, index) })}
              >
                <Trash2 aria-hidden />
                Remove address {index + 1}
              </Button>
            )}
          </div>
        ))}
        {isReadOnly ? null : (
          <div className="flex flex-wrap gap-2">
            <Button
              size="sm"
              data-path={`${path}.operatingAddresses`}
              onClick={() =>
                set({ operatingAddresses: [...value.operatingAddresses, addressForm(null, value.country)] })
              }
            >
              <Plus aria-hidden />
              Add an address
            </Button>
            {value.operatingAddresses.length === 0 ? (
              <Button size="sm" variant="ghost" onClick={() => set({ operatingAddresses: [{ ...value.address }] })}>
                The registered address
              </Button>
            ) : null}
          </div>
        )}
      </FieldGroup>
      <PayoutFields path={path} value={value} onChange={onChange} />
    </div>
  );
}

function PersonFields({
  path,
  number,
  value,
  onChange,
  onRemove,
}: Props<PersonForm> & { number: number; onRemove: () => void }) {
  const { isReadOnly, errorOf } = useFields();
  const set = (change: Partial<PersonForm>) => onChange({ ...value, ...change });
  const roles = [...new Set([...Object.keys(STAKEHOLDER_ROLE_WORDS), ...value.roles])];
  const rolesError = errorOf(`${path}.roles`);
  return (
    <section aria-label={`Person ${number}`} className="grid gap-3 rounded-md border border-line p-3">
      <div className={TWO_COLUMNS}>
        <TextInput
          path={`${path}.given_name`}
          label="Given name"
          value={value.given_name}
          onChange={(given_name) => set({ given_name })}
          isRequired
          maxLength={99}
        />
        <TextInput
          path={`${path}.family_name`}
          label="Family name"
          value={value.family_name}
          onChange={(family_name) => set({ family_name })}
          isRequired
          maxLength={99}
        />
        <TextInput
          path={`${path}.date_of_birth`}
          label="Date of birth"
          type="date"
          value={value.date_of_birth}
          onChange={(date_of_birth) => set({ date_of_birth })}
          isRequired
        />
        <div data-path={`${path}.roles`}>
          <p className="font-medium text-xs">Roles</p>
          <div className="flex flex-wrap gap-x-4">
            {roles.map((role) => (
              <CheckInput
                key={role}
                label={STAKEHOLDER_ROLE_WORDS[role] ?? role}
                isChecked={value.roles.includes(role)}
                onChange={(isChecked) =>
                  set({ roles: isChecked ? [...value.roles, role] : value.roles.filter((one) => one !== role) })
                }
              />
            ))}
          </div>
          {rolesError === undefined ? null : (
            <p role="alert" className="text-bad text-xs">
              {rolesError}
            </p>
          )}
        </div>
      </div>
      <AddressInputs path={`${path}.address`} value={value.address} onChange={(address) => set({ address })} />
      <div className={TWO_COLUMNS}>
        <TextInput
          path={`${path}.national_identification.number`}
          label="National identification number"
          value={value.idNumber}
          onChange={(idNumber) => set({ idNumber })}
          maxLength={64}
        />
        <CountryInput
          path={`${path}.national_identification.country`}
          label="Issued in"
          value={value.idCountry}
          onChange={(idCountry) => set({ idCountry })}
        />
      </div>
      {isReadOnly ? null : (
        <Button size="sm" variant="ghost" className="justify-self-end" onClick={onRemove}>
          <Trash2 aria-hidden />
          Remove person {number}
        </Button>
      )}
    </section>
  );
}

function PayoutFields({ path, value, onChange }: Props<EntityForm>) {
  const { isReadOnly } = useFields();
  const set = (change: Partial<EntityForm>) => onChange({ ...value, ...change });
  const account = `${path}.payout.bank_accounts.0`;
  return (
    <FieldGroup title="Payout account" hint="Kept sealed. After saving only the end of the number is shown.">
      {value.payoutHint === null ? null : (
        <div className="flex flex-wrap items-center gap-2 text-sm" data-path={`${path}.payout`}>
          <span className="font-mono">{value.payoutChange === "remove" ? "Will be removed" : value.payoutHint}</span>
          {isReadOnly ? null : value.payoutChange === "keep" ? (
            <>
              <Button size="sm" onClick={() => set({ payoutChange: "set" })}>
                Replace
              </Button>
              <Button size="sm" variant="danger-quiet" onClick={() => set({ payoutChange: "remove" })}>
                Remove
              </Button>
            </>
          ) : (
            <Button
              size="sm"
              variant="ghost"
              onClick={() => set({ payoutChange: "keep", holder: "", bic: "", iban: "" })}
            >
              Keep as it was
            </Button>
          )}
        </div>
      )}
      {value.payoutChange === "set" && !isReadOnly ? (
        <div className={TWO_COLUMNS}>
          <TextInput
            path={`${account}.iban`}
            label="IBAN"
            value={value.iban}
            onChange={(iban) => set({ iban })}
            maxLength={42}
          />
          <TextInput
            path={`${account}.holder`}
            label="Account holder"
            value={value.holder}
            onChange={(holder) => set({ holder })}
            maxLength={140}
          />
          <TextInput
            path={`${account}.bic`}
            label="BIC"
            value={value.bic}
            onChange={(bic) => set({ bic })}
            maxLength={11}
          />
        </div>
      ) : null}
    </FieldGroup>
  );
}
