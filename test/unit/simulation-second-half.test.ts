import { describeSeeds, SEEDS } from "../support/simulated-seeds.ts";

describeSeeds(1 + SEEDS / 2, SEEDS / 2);
