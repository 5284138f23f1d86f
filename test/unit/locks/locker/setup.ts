import { World } from "../../../support/world.ts";

export function setup() {
  const world = new World();
  const here = world.process();
  const there = world.process();
  return {
    world,
    clock: world.clock,
    ...here,
    there: there.mutex,
    thereStore: there.store,
    locker: here.mutex.locker("job"),
  };
}
