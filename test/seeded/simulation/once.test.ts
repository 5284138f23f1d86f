import { describeSeeds } from "./simulated-seeds.ts";

describeSeeds(1, 800, "once");
