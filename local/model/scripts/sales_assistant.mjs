// The sample sales_assistant: every answer is calculated from four CSV files.
import { answer, run } from "../turns.mjs";

const READ = String.raw`
import json
import pandas as pd

customers, inventory, orders, sellers = (
    pd.read_csv(f"/mnt/data/{name}.csv") for name in ("customers", "inventory", "orders", "sellers")
)
sales = orders.merge(inventory, on="product_id").merge(customers, on="customer_id")
sales["worth"] = sales["quantity"] * sales["unit_price"]
`;

const customersIn = (state) => `${READ}${String.raw`
found = customers[customers["state"] == "${state}"].sort_values("name")
print(json.dumps({"customers": [f"{name} ({city})" for name, city in zip(found["name"], found["city"])]}))
`}`;

const SELLER = `${READ}${String.raw`
worth = sales.groupby("seller_id")["worth"].sum()
best = sellers.set_index("seller_id").loc[worth.idxmax()]
print(json.dumps({"seller": best["name"], "region": best["region"], "worth": f"{worth.max():.2f}"}))
`}`;

const PRODUCT = `${READ}${String.raw`
sold = sales.groupby("product")["quantity"].sum()
print(json.dumps({"product": sold.idxmax(), "quantity": int(sold.max())}))
`}`;

const CHART = `${READ}${String.raw`
import matplotlib.pyplot as plt

by_state = sales.groupby("state")["worth"].sum().sort_values(ascending=False)
axes = by_state.plot.bar(figsize=(8, 5), color="darkorange", title="Sales by state")
axes.set_xlabel("State")
axes.set_ylabel("US dollars")
plt.tight_layout()
plt.show()
print(json.dumps({state: f"{worth:.2f}" for state, worth in by_state.items()}))
`}`;

const CUSTOMERS = /^Which customers do we have in ([A-Z]{2})\b/;

export default [
  {
    match: CUSTOMERS,
    reply: (turn) => {
      const [, state] = turn.user.match(CUSTOMERS);
      return run(turn, customersIn(state), ({ customers }) =>
        answer(
          turn,
          `there are ${customers.length} in ${state}: ${customers.join(", ")}.`,
          "Shall I show what they have bought?",
        ),
      );
    },
  },
  {
    match: /^Who is our best seller\b/,
    reply: (turn) =>
      run(turn, SELLER, ({ seller, region, worth }) =>
        answer(turn, `it is ${seller} (${region}), with orders worth ${worth} US dollars.`, "Shall I list the others?"),
      ),
  },
  {
    match: /^What is our most sold product\b/,
    reply: (turn) =>
      run(turn, PRODUCT, ({ product, quantity }) =>
        answer(turn, `it is the ${product}, of which ${quantity} were sold.`, "Shall I see how many are left in stock?"),
      ),
  },
  {
    match: /^Chart sales by state/,
    reply: (turn) =>
      run(turn, CHART, (states) => {
        const lines = Object.entries(states).map(([state, worth]) => `- ${state}: ${worth} US dollars`);
        return answer(turn, `here is the chart.\n${lines.join("\n")}`, "Shall I break one of them down by city?");
      }),
  },
];
