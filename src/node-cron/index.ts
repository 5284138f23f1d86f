export { OnceRunCoordinator, type OnceRunCoordinatorOptions } from "./run-coordinator.ts";
