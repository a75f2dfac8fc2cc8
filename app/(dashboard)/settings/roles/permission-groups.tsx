import { Check, Minus } from "lucide-react";
import { ACQUIRER_ONLY, type Audience, type Permission } from "@/server/auth/permissions";
import { PERMISSION_GROUPS, PERMISSION_WORDS } from "@/server/domain/people/states";

/** The groups that people of an audience can have something of. */
export function groupsFor(audience: Audience) {
  return PERMISSION_GROUPS.map((group) => ({
    title: group.title,
    permissions: group.permissions.filter((name) => audience === "ACQUIRER" || !ACQUIRER_ONLY.includes(name)),
  })).filter((group) => group.permissions.length > 0);
}

/** What a role grants and what it does not, to read. */
export function PermissionGroups({ audience, granted }: { audience: Audience; granted: readonly Permission[] }) {
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      {groupsFor(audience).map((group) => (
        <section key={group.title}>
          <h3 className="font-medium text-xs">{group.title}</h3>
          <ul className="mt-1 grid gap-1">
            {group.permissions.map((name) => {
              const isGranted = granted.includes(name);
              const Icon = isGranted ? Check : Minus;
              return (
                <li key={name} className="flex items-start gap-2 text-sm">
                  <Icon
                    role="img"
                    aria-label={isGranted ? "Granted" : "Not granted"}
                    className={isGranted ? "mt-0.5 size-4 shrink-0 text-good" : "mt-0.5 size-4 shrink-0 text-ink-3"}
                  />
                  <span className={isGranted ? "" : "text-ink-3"}>
                    {PERMISSION_WORDS[name]}
                    <span className="block font-mono text-ink-3 text-xs">{name}</span>
                  </span>
                </li>
              );
            })}
          </ul>
        </section>
      ))}
    </div>
  );
}
