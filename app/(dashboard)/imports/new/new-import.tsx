"use client";

import { useRouter } from "next/navigation";
import type { SelectOption } from "@/components/ui/select";
import type { ImportKind } from "@/server/domain/imports/states";
import { UploadFile } from "../_components/upload-file";

/** Goes on to the import's own page once the file is there. */
export function NewImport(props: {
  kind: ImportKind | undefined;
  kinds: readonly ImportKind[];
  partnerId: string | undefined;
  partners: readonly SelectOption[];
}) {
  const router = useRouter();
  return (
    <UploadFile {...props} onUploaded={(id) => router.push(`/imports/${id}` as Parameters<typeof router.push>[0])} />
  );
}
