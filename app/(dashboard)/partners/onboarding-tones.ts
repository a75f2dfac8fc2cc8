import type { Tone } from "@/components/ui/badge";
import type { OnboardingState } from "@/server/domain/partners/states";

export const ONBOARDING_TONES: Readonly<Record<OnboardingState, Tone>> = {
  DRAFT: "info",
  SUBMITTED: "warn",
  APPROVED: "working",
  ONBOARDING: "working",
  REFUSED: "bad",
  ONBOARDED: "working",
  OPERATIONAL: "good",
  CANCELED: "neutral",
};
