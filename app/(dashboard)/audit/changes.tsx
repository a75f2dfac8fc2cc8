import { NONE } from "@/components/display/none";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";

type Flat = ReadonlyMap<string, string>;

/** Nested facts as dotted names; a list counts as one value. */
function flatten(value: unknown, name = "", into = new Map<string, string>()): Flat {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const fields = Object.entries(value);
    for (const [key, inner] of fields) flatten(inner, name === "" ? key : `${name}.${key}`, into);
    if (fields.length > 0) return into;
  }
  if (value !== null && value !== undefined) {
    into.set(name === "" ? "value" : name, typeof value === "string" ? value : JSON.stringify(value));
  }
  return into;
}

/** Before and after, field by field; what differs is marked with a word too, not by colour alone. */
export function Changes({ before, after }: { before: unknown; after: unknown }) {
  const [left, right] = [flatten(before), flatten(after)];
  const names = [...new Set([...left.keys(), ...right.keys()])];
  if (names.length === 0) return <p className="text-ink-3 text-sm">The entry tells that it happened, and no more.</p>;
  const hasBefore = left.size > 0;
  return (
    <Table aria-label="Before and after">
      <TableHead>
        <TableRow>
          <TableHeader>Field</TableHeader>
          {hasBefore ? <TableHeader>Before</TableHeader> : null}
          <TableHeader>{hasBefore ? "After" : "Value"}</TableHeader>
        </TableRow>
      </TableHead>
      <TableBody>
        {names.map((name) => {
          const [was, is] = [left.get(name), right.get(name)];
          const isChanged = hasBefore && right.size > 0 && was !== is;
          return (
            <TableRow key={name}>
              <TableCell className="py-1.5 align-top font-mono text-xs">{name}</TableCell>
              {hasBefore ? (
                <TableCell className="py-1.5 align-top">
                  <Value text={was} className={isChanged ? "text-ink-3 line-through" : ""} />
                </TableCell>
              ) : null}
              <TableCell className="py-1.5 align-top">
                <Value text={is} className={isChanged ? "rounded-sm bg-info-soft px-1 font-medium" : ""} />
                {isChanged ? <span className="sr-only"> (changed)</span> : null}
              </TableCell>
            </TableRow>
          );
        })}
      </TableBody>
    </Table>
  );
}

function Value({ text, className }: { text: string | undefined; className: string }) {
  if (text === undefined) return NONE;
  return <span className={`break-all font-mono text-xs ${className}`}>{text}</span>;
}
