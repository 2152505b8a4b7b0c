import { describe, expect, it } from "vitest";
import { formatDegrees, mapBounds } from "./map_bounds";

describe("map bounds", () => {
  it("hold all points with room around them in the shape of the box", () => {
    const bounds = mapBounds([{ lon: -122.8, lat: 45.4 }, { lon: -122.5, lat: 45.7 }], 400, 200);
    expect(bounds.west).toBeLessThan(-122.8);
    expect(bounds.north).toBeGreaterThan(45.7);
    const wide = (bounds.east - bounds.west) * Math.cos((45.55 * Math.PI) / 180);
    expect(wide / (bounds.north - bounds.south)).toBeCloseTo(2, 1);
  });

  it("are not empty around a single point, and exist without any", () => {
    const one = mapBounds([{ lon: 10, lat: 50 }], 300, 300);
    expect(one.east - one.west).toBeGreaterThan(0.01);
    expect(one.step).toBeGreaterThan(0);
    expect(mapBounds([], 300, 300).step).toBeGreaterThan(0);
  });

  it("are labelled with their side", () => {
    expect(formatDegrees(-122.5, "lon", 0.1)).toBe("122.5° W");
    expect(formatDegrees(-33, "lat", 1)).toBe("33° S");
  });
});
