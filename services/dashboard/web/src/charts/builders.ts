// Which builder draws which visual. FIGURE and TABLE are not charts.
import { VisualType } from "../gen/tarn/dashboard/v1/dashboard_pb.js";
import { barOption, comboOption, lineOption } from "./bars_and_lines";
import type { ChartBuilder } from "./common";
import { heatMapOption } from "./heat_map";
import { mapOption } from "./map";
import { ringOption } from "./ring";

export const BUILDERS: Partial<Record<VisualType, ChartBuilder>> = {
  [VisualType.BAR]: barOption,
  [VisualType.LINE]: lineOption,
  [VisualType.COMBO]: comboOption,
  [VisualType.RING]: ringOption,
  [VisualType.HEAT_MAP]: heatMapOption,
  [VisualType.MAP]: mapOption,
};
