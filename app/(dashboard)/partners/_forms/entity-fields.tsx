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
  type FieldsProps,
  partsOf,
  TextInput,
  TWO_COLUMNS,
  useFields,
} from "./inputs";
import { addressForm, type EntityForm, newPerson, type PersonForm, swapped, without } from "./values";

/** One legal entity: registration, people, where it works, where it is paid out to. */
export function EntityFields(props: FieldsProps<EntityForm>) {
  const { isReadOnly } = useFields();
  const { at, set } = partsOf(props);
  const { path, value } = props;
  return (
    <div className="grid gap-5">
      <div className={TWO_COLUMNS}>
        <TextInput {...at("legalName")} label="Registered name" isRequired maxLength={99} />
        <TextInput
          {...at("reference")}
          label="Reference"
          isRequired
          isFixed={value.isSaved}
          hint="Klarna knows the entity by it. It cannot be changed later."
        />
        <CountryInput {...at("country")} label="Country of registration" isRequired />
        <ChoiceInput {...at("entityType")} label="Legal form" options={ENTITY_TYPE_OPTIONS} isRequired />
        <TextInput
          {...at("registrationNumber")}
          label="Number of the company register"
          isRequired
          maxLength={60}
          hint="Not the VAT number"
        />
        <TextInput
          {...at("registrationAuthority")}
          label="Register"
          maxLength={120}
          hint="For example Amtsgericht Charlottenburg"
        />
        <TextInput {...at("taxNumber")} label="Tax number" maxLength={60} />
        <TextInput
          {...at("licenceNumber")}
          label="Licence number"
          maxLength={60}
          hint="Of the financial supervision, where there is one"
        />
      </div>
      <FieldGroup title="Registered address">
        <AddressInputs {...at("address")} isRequired />
      </FieldGroup>
      <FieldGroup title="Owners and directors" hint="Klarna asks who owns and who runs the entity.">
        {value.stakeholders.map((person, index) => (
          <PersonFields
            // biome-ignore lint/suspicious/noArrayIndexKey: people have no name of their own before they are typed
            key={index}
            path={`${path}.stakeholders.${index}`}
            number={index + 1}
            value={person}
            onChange={(next) => set({ stakeholders: swapped(value.stakeholders, index, next) })}
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
              onChange={(next) => set({ operatingAddresses: swapped(value.operatingAddresses, index, next) })}
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
      <PayoutFields {...props} />
    </div>
  );
}

function PersonFields({
  number,
  onRemove,
  ...props
}: FieldsProps<PersonForm> & { number: number; onRemove: () => void }) {
  const { isReadOnly, errorOf } = useFields();
  const { at, set } = partsOf(props);
  const { path, value } = props;
  const roles = [...new Set([...Object.keys(STAKEHOLDER_ROLE_WORDS), ...value.roles])];
  const rolesError = errorOf(`${path}.roles`);
  return (
    <section aria-label={`Person ${number}`} className="grid gap-3 rounded-md border border-line p-3">
      <div className={TWO_COLUMNS}>
        <TextInput {...at("given_name")} label="Given name" isRequired maxLength={99} />
        <TextInput {...at("family_name")} label="Family name" isRequired maxLength={99} />
        <TextInput {...at("date_of_birth")} label="Date of birth" type="date" isRequired />
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
      <AddressInputs {...at("address")} />
      <div className={TWO_COLUMNS}>
        <TextInput
          {...at("idNumber")}
          path={`${path}.national_identification.number`}
          label="National identification number"
          maxLength={64}
        />
        <CountryInput {...at("idCountry")} path={`${path}.national_identification.country`} label="Issued in" />
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

function PayoutFields(props: FieldsProps<EntityForm>) {
  const { isReadOnly } = useFields();
  const { at, set } = partsOf(props);
  const { path, value } = props;
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
          <TextInput {...at("iban")} path={`${account}.iban`} label="IBAN" maxLength={42} />
          <TextInput {...at("holder")} path={`${account}.holder`} label="Account holder" maxLength={140} />
          <TextInput {...at("bic")} path={`${account}.bic`} label="BIC" maxLength={11} />
        </div>
      ) : null}
    </FieldGroup>
  );
}
