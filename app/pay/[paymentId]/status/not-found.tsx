import { headers } from "next/headers";
import { acceptedLanguages } from "@/server/core/languages";
import { JourneyCard } from "../../_components/journey-card";
import { journeyWords } from "../../_components/journey-words";

export default async function JourneyNotFound() {
  const language = acceptedLanguages((await headers()).get("accept-language"))[0] ?? "en";
  return <JourneyCard language={language} phase="unknown" words={journeyWords(language, "unknown")} />;
}
