using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Ganymede.Messages;

/// <summary>How log lines look on standard output: <c>Logging:Format</c> is <c>text</c> (one line an entry) or <c>json</c> (one object an entry).</summary>
internal sealed class LogFormat(IConfiguration configuration) : IStartupValidator
{
    private const string Setting = "Logging:Format";
    private const string Timestamp = "yyyy-MM-ddTHH:mm:ss.fffZ";

    public static void AddTo(ILoggingBuilder logging, IConfiguration configuration)
    {
        if (configuration[Setting] == "json")
        {
            logging.AddJsonConsole(console =>
            {
                console.TimestampFormat = Timestamp;
                console.UseUtcTimestamp = true;
            });
            return;
        }

        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = Timestamp + " ";
            console.UseUtcTimestamp = true;
            console.ColorBehavior = Microsoft.Extensions.Logging.Console.LoggerColorBehavior.Disabled;
        });
    }

    /// <inheritdoc />
    public void Validate()
    {
        if (configuration[Setting] is not (null or "text" or "json"))
            throw new OptionsValidationException(Setting, typeof(LogFormat), [$"{Setting}: '{configuration[Setting]}' is neither text nor json."]);
    }
}
