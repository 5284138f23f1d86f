import { allSucceed, names, type Show } from "./show.ts";

const ORDERS = ["41", "42", "43"];

export const orders: Show = {
  summary: "a handler that runs alone for each order, whichever consumers are given it at the same time",
  async play({ folder, start }) {
    const consumers = names("consumer", 3).map((name) => start("orders", name, { args: [folder, ...ORDERS] }));
    await allSucceed(consumers);
    const lines = consumers.flatMap((consumer) => consumer.lines);
    const booked = lines.filter((line) => line.endsWith(": booked")).sort();
    if (booked.join() !== ORDERS.map((order) => `order ${order}: booked`).join())
      throw new Error(`not each order was booked once: ${booked.join(", ")}`);
    return `${ORDERS.length} orders booked once each by ${consumers.length} consumers`;
  },
};
