import { z } from "zod";

/* A Partner's user and password at Klarna's classic interface, one for each mode. */

export const CLASSIC_REGIONS = ["EU", "NA", "OC"] as const;
export type ClassicRegion = (typeof CLASSIC_REGIONS)[number];
export const REGION_WORDS: Readonly<Record<ClassicRegion, string>> = {
  EU: "Europe",
  NA: "North America",
  OC: "Oceania",
};

/** Which of a Partner's users at Klarna. */
export type ClassicUser = { region: ClassicRegion; username: string };

/** As Klarna hands them out: visible ASCII, the user without a colon. */
export const ClassicCredentialSchema = z.strictObject({
  region: z.enum(CLASSIC_REGIONS),
  username: z
    .string()
    .trim()
    .min(1, "Enter the user that Klarna gave the Partner.")
    .max(255)
    .regex(/^[\x21-\x39\x3b-\x7e]*$/, "must be visible ASCII characters without a colon"),
  /** Left out: the one that is stored stays. */
  password: z
    .string()
    .max(255)
    .regex(/^[\x21-\x7e]*$/, "must be visible ASCII characters only")
    .optional(),
});
export type ClassicCredentialInput = z.infer<typeof ClassicCredentialSchema>;

/** What people see of it. The password is never shown again. */
export type ClassicCredentialView = {
  region: ClassicRegion;
  username: string;
  /** The host that is called. */
  host: string;
  updatedAt: Date;
  updatedByName: string | null;
  /** When Klarna refused it since the last change. */
  refusedAt: Date | null;
};
