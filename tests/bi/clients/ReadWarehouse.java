import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/**
 * Opens a warehouse through JDBC as DBeaver, Tableau and Metabase do: lists schemas, views, columns, types and comments,
 * reads every view, calls the macro and asks the queries of a folder. Prints one line for each thing it has read.
 */
public final class ReadWarehouse {
    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("duckdb.read_only", "true");
        try (Connection connection = DriverManager.getConnection("jdbc:duckdb:" + arguments[0], properties)) {
            DatabaseMetaData metaData = connection.getMetaData();
            System.out.println("driver\t" + metaData.getDriverVersion() + "\t" + metaData.getDatabaseProductVersion());
            try (ResultSet schemas = metaData.getSchemas()) {
                while (schemas.next()) {
                    System.out.println("schema\t" + schemas.getString("TABLE_SCHEM"));
                }
            }
            try (ResultSet views = metaData.getTables(null, "flexprice", "%", null)) {
                while (views.next()) {
                    String name = views.getString("TABLE_NAME");
                    System.out.println("view\t" + name + "\t" + views.getString("TABLE_TYPE") + "\t" + views.getString("REMARKS"));
                }
            }
            try (ResultSet columns = metaData.getColumns(null, "flexprice", "%", "%")) {
                while (columns.next()) {
                    System.out.println("column\t" + columns.getString("TABLE_NAME") + "\t" + columns.getString("COLUMN_NAME")
                        + "\t" + columns.getString("TYPE_NAME") + "\t" + columns.getString("REMARKS"));
                }
            }
            try (ResultSet views = metaData.getTables(null, "flexprice", "%", null)) {
                while (views.next()) {
                    String name = views.getString("TABLE_NAME");
                    System.out.println("rows\t" + name + "\t" + count(connection, "select * from flexprice." + name));
                }
            }
            String macro = "select * from flexprice.wallet_balance_as_of('2026-03-01 00:00:00+00')";
            System.out.println("rows\twallet_balance_as_of\t" + count(connection, macro));
            try (Statement statement = connection.createStatement();
                    ResultSet row = statement.executeQuery("select max(balance) from flexprice.wallets")) {
                row.next();
                System.out.println("exact\t" + row.getBigDecimal(1).toPlainString());
            }
            for (int number = 1; number < arguments.length; number++) {
                System.out.println("query\t" + count(connection, Files.readString(Path.of(arguments[number]))));
            }
        }
    }

    /** Reads every value of every row, and counts the rows. */
    private static long count(Connection connection, String query) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(query)) {
            ResultSetMetaData columns = result.getMetaData();
            long rows = 0;
            while (result.next()) {
                for (int column = 1; column <= columns.getColumnCount(); column++) {
                    result.getObject(column);
                }
                rows++;
            }
            return rows;
        }
    }

    private ReadWarehouse() {}
}
