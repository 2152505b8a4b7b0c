// Times of a filter as the browser's date fields take them, and back in the form in which the data write theirs.

const TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?(?:\.\d+)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/;

export type TimeForm = { withClock: boolean; zone: string };

// Days, unless one of the texts has a time of day that is not midnight.
export function formOf(texts: string[]): TimeForm {
  const matches = texts.flatMap((text) => TIME.exec(text) ?? []).length ? texts.map((text) => TIME.exec(text)).filter((match) => match !== null) : [];
  return {
    withClock: matches.some((match) => match[2] !== undefined && match[2] !== "00:00"),
    zone: matches.find((match) => match[4])?.[4] ?? "",
  };
}

export function toField(text: string, form: TimeForm): string {
  const match = TIME.exec(text);
  if (!match) return "";
  return form.withClock ? `${match[1]}T${match[2] ?? "00:00"}` : (match[1] ?? "");
}

// Empty for what is no whole time yet.
export function fromField(field: string, form: TimeForm): string {
  const match = TIME.exec(field);
  if (!match || field < "1000") return "";
  return match[2] ? `${match[1]}T${match[2]}:00${form.zone}` : (match[1] ?? "");
}

// The day after the last one with data, as ranges end before their end.
export function dayAfter(text: string): string {
  const day = TIME.exec(text)?.[1];
  if (!day) return "";
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}
