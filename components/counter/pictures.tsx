import styles from "./customer-display.module.css";

/* Pictures that say the state from across the shop. The sentence beside them says it in words. */

const stroke = {
  fill: "none",
  stroke: "currentColor",
  strokeWidth: 5,
  strokeLinecap: "round",
  strokeLinejoin: "round",
} as const;

export function PhonePicture() {
  return (
    <svg aria-hidden viewBox="0 0 120 120" className={styles["picture"]} {...stroke}>
      <rect x="34" y="10" width="52" height="100" rx="11" />
      <path d="M53 22h14" strokeWidth={4} />
      <g stroke="none" fill="currentColor">
        <circle className={styles["pulse"]} cx="47" cy="64" r="4.5" />
        <circle className={styles["pulse"]} cx="60" cy="64" r="4.5" />
        <circle className={styles["pulse"]} cx="73" cy="64" r="4.5" />
      </g>
    </svg>
  );
}

export function DotsPicture() {
  return (
    <svg aria-hidden viewBox="0 0 120 120" className={styles["picture"]} fill="currentColor">
      <circle className={styles["pulse"]} cx="32" cy="60" r="8" />
      <circle className={styles["pulse"]} cx="60" cy="60" r="8" />
      <circle className={styles["pulse"]} cx="88" cy="60" r="8" />
    </svg>
  );
}

export function TickPicture() {
  return (
    <svg aria-hidden viewBox="0 0 120 120" className={styles["picture"]} {...stroke} strokeWidth={7}>
      <circle cx="60" cy="60" r="50" />
      <path className={styles["draw"]} d="M38 62l15 15 29-33" />
    </svg>
  );
}

export function CrossPicture() {
  return (
    <svg aria-hidden viewBox="0 0 120 120" className={styles["picture"]} {...stroke} strokeWidth={6}>
      <circle cx="60" cy="60" r="48" />
      <path d="M45 45l30 30M75 45L45 75" />
    </svg>
  );
}

export function ClockPicture() {
  return (
    <svg aria-hidden viewBox="0 0 120 120" className={styles["picture"]} {...stroke} strokeWidth={6}>
      <circle cx="60" cy="60" r="48" />
      <path d="M60 34v28l17 11" />
    </svg>
  );
}

export function DashPicture() {
  return (
    <svg aria-hidden viewBox="0 0 120 120" className={styles["picture"]} {...stroke} strokeWidth={6}>
      <circle cx="60" cy="60" r="48" />
      <path d="M42 60h36" />
    </svg>
  );
}
