// Colours of charts: canvases cannot read the style sheet's, so these follow styles/tokens.css by hand.
import type { Theme } from "../shell/theme";

export type Palette = {
  text: string;
  muted: string;
  line: string;
  surface: string;
  accent: string;
  land: string;
  series: string[];
  scale: string[];
};

// Series are told apart by lightness as well as hue, for eyes that do not see all hues.
export const PALETTES: Record<Theme, Palette> = {
  light: {
    text: "#15242a",
    muted: "#566871",
    line: "#dbe3e6",
    surface: "#ffffff",
    accent: "#0d6b79",
    land: "#f3f8f8",
    series: ["#0d6b79", "#e8963e", "#5566b5", "#8fb94b", "#c2513a", "#4fb0c6", "#93598f", "#d9b82f", "#3e7d52", "#9aa5ab", "#7a4a2a", "#d98ba5"],
    scale: ["#e6f3f3", "#a5d5d6", "#58aab2", "#20788a", "#0a4550"],
  },
  dark: {
    text: "#e4ecef",
    muted: "#9aabb3",
    line: "#2c3b42",
    surface: "#151e22",
    accent: "#56bcc7",
    land: "#18242a",
    series: ["#56bcc7", "#f0a95c", "#8c9be6", "#a9cf6a", "#e67a63", "#2f8ea6", "#bd86b9", "#e6cd5c", "#5ea777", "#9fb0b8", "#b5835c", "#eba9be"],
    scale: ["#1a2c31", "#1f5059", "#2e818c", "#56b4be", "#b9eef0"],
  },
};
