import { FIRST_NAP_SEED } from "../../../lab/simulation/simulation.ts";
import { describeSeeds } from "./simulated-seeds.ts";

describeSeeds(FIRST_NAP_SEED, 400);
