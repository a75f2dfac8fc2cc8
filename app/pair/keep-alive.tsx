"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { beatAction } from "./actions";

const EVERY_MS = 60_000;

/** Tells once a minute that the device is there; a device that was let go sees so at its next sign of life. */
export function KeepAlive() {
  const router = useRouter();
  useEffect(() => {
    const timer = setInterval(() => {
      beatAction()
        .then((isPaired) => {
          if (!isPaired) router.refresh();
        })
        // Without a connection the next one tells.
        .catch(() => undefined);
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [router]);
  return null;
}
