import { allSucceed, names, type Show } from "./show.ts";

const ORDERS = ["41", "42", "43"];

export const orders: Show = {
  summary: "`exclusive` and `limited`: a handler that runs alone for each order, and two payments at once",
  notice: "each order is booked once, though three consumers are given it; permits 0 and 1 are all there are",
  async play({ folder, start }) {
    const consumers = names("consumer", 3).map((name) => start("orders", name, { args: [folder, ...ORDERS] }));
    await allSucceed(consumers);
    const lines = consumers.flatMap((consumer) => consumer.lines);
    const booked = lines.filter((line) => line.endsWith(": booked")).sort();
    if (booked.join() !== ORDERS.map((order) => `order ${order}: booked`).join())
      throw new Error(`not each order was booked once: ${booked.join(", ")}`);
    if (lines.some((line) => /permit (?![01]$)/.test(line))) throw new Error("more than two paid at once");
    return `${ORDERS.length} orders booked once each by ${consumers.length} consumers, two at most paying at once`;
  },
};
