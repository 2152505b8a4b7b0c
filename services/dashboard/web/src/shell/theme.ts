// Light or dark: what the user chose, else what the system prefers. Charts listen, as they paint their colours themselves.
import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark";

const KEY = "tarn.theme";
const listeners = new Set<() => void>();
const system = window.matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme | undefined {
  const kept = window.localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : undefined;
}

export function currentTheme(): Theme {
  return chosen() ?? (system.matches ? "dark" : "light");
}

function apply() {
  document.documentElement.dataset.theme = currentTheme();
  listeners.forEach((listener) => listener());
}

export function startTheme() {
  system.addEventListener("change", apply);
  window.addEventListener("storage", (event) => event.key === KEY && apply());
  apply();
}

export function chooseTheme(theme: Theme) {
  window.localStorage.setItem(KEY, theme);
  apply();
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, currentTheme);
}
