import { describeSeeds, SEEDS } from "./simulated-seeds.ts";

describeSeeds(1, SEEDS / 2);
