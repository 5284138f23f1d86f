import { FIRST_WOKEN_SEED } from "../../../lab/simulation/simulation.ts";
import { describeSeeds } from "./simulated-seeds.ts";

describeSeeds(FIRST_WOKEN_SEED, 400);
