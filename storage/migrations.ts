// The schema of limpet's own table, and how schemas are brought up to date: through Knex, ours first and then the app's,
// each with a table of its own in which Knex notes what has been done.

import type { Knex } from "knex";
import type { AppMigration } from "../workers/app/app.js";
import { firstLineOf, StartFailure } from "./failure.js";

export const SESSIONS_TABLE = "limpet_sessions";

/** limpet's schema, by name; the names fix the order. A step that was released is never changed: add another. */
const LIMPET_MIGRATIONS: Readonly<Record<string, AppMigration>> = {
  "0001_sessions": {
    async up(database) {
      await database.schema.createTable(SESSIONS_TABLE, (table) => {
        // Hash of the session's ID, 32 hexadecimal digits. As text: 16 bytes of blob were measured to be no faster.
        table.string("key", 32).notNullable().primary();
        table.binary("state").notNullable();
        table.bigInteger("version").notNullable();
        // Times are in ms since the epoch.
        table.bigInteger("expires_at").notNullable().index();
        table.bigInteger("created_at").notNullable();
        table.bigInteger("updated_at").notNullable();
      });
    },
    async down(database) {
      await database.schema.dropTable(SESSIONS_TABLE);
    },
  },
};

/** Brings limpet's own schema up to date. Throws a `StartFailure`. */
export async function migrateLimpet(database: Knex): Promise<void> {
  try {
    await migrate(database, LIMPET_MIGRATIONS, "limpet_migrations");
  } catch (error) {
    throw new StartFailure(
      "migration_failed",
      `The database's schema cannot be updated: ${firstLineOf(error)}.`,
    );
  }
}

/** Brings the app's schema up to date. Throws a `StartFailure`. */
export async function migrateApp(
  database: Knex,
  migrations: Readonly<Record<string, AppMigration>>,
): Promise<void> {
  try {
    await migrate(database, migrations, "app_migrations");
  } catch (error) {
    throw new StartFailure("app_migration_failed", `A migration of the app failed: ${firstLineOf(error)}.`);
  }
}

async function migrate(
  database: Knex,
  migrations: Readonly<Record<string, AppMigration>>,
  tableName: string,
): Promise<void> {
  const config: Knex.MigratorConfig = { migrationSource: new NamedMigrations(migrations), tableName };
  const [, pending] = (await database.migrate.list(config)) as [completed: unknown[], pending: unknown[]];
  // Only a database that needs it is written to: the usual start must not fail on a full disk.
  if (pending.length === 0) return;
  // A farm that was killed while it migrated leaves Knex's lock behind. No other farm migrates (`Database.migrate`), so
  // whoever took it is dead.
  await database.migrate.forceFreeMigrationsLock(config);
  await database.migrate.latest(config);
}

/** Migrations in memory, for Knex: their names, in order, stand for them. */
class NamedMigrations implements Knex.MigrationSource<string> {
  readonly #migrations: ReadonlyMap<string, AppMigration>;

  constructor(migrations: Readonly<Record<string, AppMigration>>) {
    this.#migrations = new Map(Object.entries(migrations));
  }

  async getMigrations(): Promise<string[]> {
    return [...this.#migrations.keys()].sort();
  }

  getMigrationName(name: string): string {
    return name;
  }

  async getMigration(name: string): Promise<Knex.Migration> {
    const migration = this.#migrations.get(name)!;
    return {
      up: (database) => migration.up(database),
      // Knex wants one even where it is never called.
      down: async (database) => {
        if (!migration.down) throw new Error(`the migration ${name} cannot be undone`);
        await migration.down(database);
      },
    };
  }
}
