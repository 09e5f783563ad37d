// The shop's own tables, and what is in them when they are new. Runs in the storage thread when the farm starts.

import type { Knex } from "knex";
import type { AppMigration } from "../app/app.js";
import { SEED_PRODUCTS } from "./catalogue.js";

const createTables: AppMigration = {
  async up(database: Knex) {
    await database.schema.createTable("shop_products", (table) => {
      table.string("id").primary();
      table.string("name").notNullable();
      table.string("category").notNullable();
      table.integer("price_pence").notNullable();
      table.integer("stock").notNullable();
      table.text("description").notNullable();
      table.integer("position").notNullable();
    });
    await database.schema.createTable("shop_orders", (table) => {
      table.string("id").primary();
      // One checkout, one order, however often the form is sent.
      table.string("checkout").notNullable().unique();
      table.string("name").notNullable();
      table.text("address").notNullable();
      table.string("email").notNullable();
      table.integer("total_pence").notNullable();
      table.timestamp("placed_at").notNullable().defaultTo(database.fn.now());
    });
    await database.schema.createTable("shop_order_lines", (table) => {
      table.string("order_id").notNullable().references("id").inTable("shop_orders");
      table.string("product_id").notNullable().references("id").inTable("shop_products");
      table.string("name").notNullable();
      table.integer("quantity").notNullable();
      table.integer("price_pence").notNullable();
      table.primary(["order_id", "product_id"]);
    });
  },
  async down(database: Knex) {
    for (const table of ["shop_order_lines", "shop_orders", "shop_products"]) {
      await database.schema.dropTable(table);
    }
  },
};

const seedProducts: AppMigration = {
  async up(database: Knex) {
    const rows = SEED_PRODUCTS.map(({ id, name, category, pricePence, stock, description }, position) => ({
      id,
      name,
      category,
      price_pence: pricePence,
      stock,
      description,
      position,
    }));
    await database("shop_products").insert(rows);
  },
};

export const migrations = { "001-tables": createTables, "002-products": seedProducts } as const;
