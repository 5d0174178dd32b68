using Akka.Actor;
using Akka.Event;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace Ganymede.Commands;

/// <summary>
/// Levels of logging that can be changed while the process runs: the last source of its configuration, from which the logging
/// framework reads them anew whenever one is set. They end with the process.
/// </summary>
public sealed class LogLevels : ConfigurationProvider, IConfigurationSource
{
    private const string Section = "Logging:LogLevel";
    private IConfiguration? _configuration;
    private ActorSystem? _system;

    /// <summary>All levels in effect, by category.</summary>
    public IEnumerable<(string Category, string Level)> All =>
        (_configuration?.GetSection(Section).GetChildren() ?? []).Select(pair => (pair.Key, pair.Value ?? ""))
            .Where(pair => pair.Item2.Length > 0).DefaultIfEmpty(("Default", $"{LogLevel.Information}"));

    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    /// <summary>What else sets levels, and the actors, whose own bus must let lines through first.</summary>
    internal void Watch(IConfiguration configuration, ActorSystem system) => (_configuration, _system) = (configuration, system);

    public void Set(string category, LogLevel level)
    {
        Data[$"{Section}:{category}"] = level.ToString();
        OnReload();
        var least = All.Select(pair => Enum.TryParse<LogLevel>(pair.Level, out var its) ? its : LogLevel.Information).Min();
        _system?.EventStream.SetLogLevel(least <= LogLevel.Debug ? Akka.Event.LogLevel.DebugLevel : Akka.Event.LogLevel.InfoLevel);
    }
}
