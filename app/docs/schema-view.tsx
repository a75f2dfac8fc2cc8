import type { ReactNode } from "react";
import { type JsonSchema, refName } from "./document";

type Schemas = Readonly<Record<string, JsonSchema>>;

const DEPTH_MAX = 6;

/** The fields of an object: name, type, what it must be, and what is inside it folded away. */
export function SchemaFields({ schema, schemas, depth = 0 }: { schema: JsonSchema; schemas: Schemas; depth?: number }) {
  const { schema: open } = resolve(schema, schemas);
  const fields = Object.entries(open.properties ?? {});
  if (fields.length === 0) return <p className="py-1.5 text-ink-3 text-xs">{typeWords(open, schemas)}</p>;
  return (
    <ul className="grid">
      {fields.map(([name, field]) => {
        const inner = innerOf(field, schemas);
        const { schema: shown } = resolve(field, schemas);
        return (
          <li key={name} className="border-line border-b py-2 last:border-b-0">
            <p className="flex flex-wrap items-baseline gap-x-2.5">
              <code className="font-medium font-mono text-xs">{name}</code>
              <span className="text-ink-3 text-xs">{typeWords(field, schemas)}</span>
              {open.required?.includes(name) === true ? null : <span className="text-ink-3 text-xs">optional</span>}
            </p>
            {shown.description === undefined ? null : <p className="text-ink-2 text-xs">{shown.description}</p>}
            <Limits schema={shown} />
            {inner === null || depth >= DEPTH_MAX ? null : (
              <details className="group/fields mt-1">
                <summary className="inline-flex min-h-6 items-center rounded-xs text-accent text-xs hover:underline">
                  <span className="group-open/fields:hidden">Show fields</span>
                  <span className="hidden group-open/fields:inline">Hide fields</span>
                </summary>
                <div className="ml-1 border-line-strong border-l pl-4">
                  {inner.map((option, index) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: alternatives have no name and never move
                    <div key={index}>
                      {inner.length > 1 ? <p className="pt-2 font-medium text-xs">Either {index + 1}</p> : null}
                      <SchemaFields schema={option} schemas={schemas} depth={depth + 1} />
                    </div>
                  ))}
                </div>
              </details>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function resolve(schema: JsonSchema, schemas: Schemas): { schema: JsonSchema; name: string | null } {
  if (schema.$ref === undefined) return { schema, name: null };
  const name = refName(schema.$ref);
  return { schema: schemas[name] ?? {}, name };
}

/** The objects inside a field: its own, those of its list, or each alternative; null where there is none. */
function innerOf(field: JsonSchema, schemas: Schemas): JsonSchema[] | null {
  const { schema } = resolve(field, schemas);
  if (schema.properties !== undefined) return [schema];
  if (schema.items !== undefined) return innerOf(schema.items, schemas);
  const options = (schema.anyOf ?? schema.oneOf ?? []).flatMap((option) => innerOf(option, schemas) ?? []);
  return options.length === 0 ? null : options;
}

export function typeWords(field: JsonSchema, schemas: Schemas): string {
  const { schema, name } = resolve(field, schemas);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return "one of";
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return [...new Set(options.map((option) => typeWords(option, schemas)))].join(" or ");
  if (schema.items !== undefined) return `list of ${typeWords(schema.items, schemas)}`;
  const type = Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type;
  if (type === "object" || schema.properties !== undefined) return name ?? "object";
  const format = schema.format === undefined ? "" : ` (${schema.format})`;
  return `${type ?? name ?? "any"}${format}`;
}

function Limits({ schema }: { schema: JsonSchema }) {
  const words: ReactNode[] = [];
  if (schema.enum !== undefined) words.push(schema.enum.map((value) => String(value)).join(" · "));
  if (schema.default !== undefined) words.push(`default ${JSON.stringify(schema.default)}`);
  const hasFloor = schema.minimum !== undefined && schema.minimum > Number.MIN_SAFE_INTEGER;
  const hasCeiling = schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER;
  if (hasFloor || hasCeiling) {
    words.push([hasFloor ? `from ${schema.minimum}` : "", hasCeiling ? `to ${schema.maximum}` : ""].join(" ").trim());
  }
  if (schema.maxLength !== undefined) words.push(`at most ${schema.maxLength} characters`);
  if (schema.maxItems !== undefined) words.push(`at most ${schema.maxItems} entries`);
  if (words.length === 0) return null;
  return <p className="break-words text-ink-3 text-xs">{words.join("; ")}</p>;
}
